import Clibnl
import Glibc
import PoolModel
import Testing

@testable import Netlink

/// What is made of a kernel's answers: such as no kernel here gives at will.
@Suite struct ExchangeTests {
  private static let done = Hex.bytes("14 00 00 00 03 00 02 00 00*12")
  private static let loopback = SyntheticLink(count: 0).bytes()
  private static let withVFs = SyntheticLink(count: 3).bytes()

  private func socket(_ kernel: ScriptedKernel) throws -> RouteSocket {
    try RouteSocket { () throws(NetlinkError) in
      kernel.opened += 1
      return kernel
    }
  }

  @Test func linksOfSeveralDatagrams() throws {
    let kernel = ScriptedKernel([
      .datagram([Self.loopback, Recordings.igb]), .astray(Recordings.vlan), .datagram([Self.withVFs, Self.done]),
    ])
    let links = try socket(kernel).links()
    #expect(links.map(\.name) == ["eni1np1", "enp2s0", "eni1np1"])
    #expect(links.map(\.vfs.count) == [0, 2, 3])
  }

  @Test func anInterruptedDumpIsReadAgain() throws {
    let kernel = ScriptedKernel([
      .datagram([Self.withVFs]), .datagram([Recordings.igb.interrupted]), .datagram([Self.done]),
      .datagram([Recordings.igb]), .datagram([Self.done.interrupted]),
      .datagram([Recordings.igb, Recordings.vlan]), .datagram([Self.done]),
    ])
    let links = try socket(kernel).links()
    #expect(
      links.map(\.name) == [try LinkMessage.parse(Recordings.igb).name, try LinkMessage.parse(Recordings.vlan).name])
    #expect(kernel.requests.count == 3)
    #expect(kernel.opened == 1)
  }

  @Test func linksThatKeepChangingAreAnError() throws {
    let kernel = ScriptedKernel(
      Array(repeating: .datagram([Recordings.igb.interrupted, Self.done]), count: 20))
    let socket = try socket(kernel)
    let error = #expect(throws: NetlinkError.self) { try socket.links() }
    #expect(error?.code == .interrupted)
    #expect(kernel.requests.count == 8)
  }

  /// EMSGSIZE at the end of a dump, and as the answer to one request.
  private static let tooLong = Hex.bytes("14 00 00 00 03 00 02 00 00*8 a6 ff ff ff")
  private static let refusal = Hex.bytes("24 00 00 00 02 00 00 01 00*8 a6 ff ff ff 14 00 00 00 12 00 05 00 00*8")

  /// Where one PF's VFs and their counters don't fit into a message, that PF comes without counters; no other one does.
  @Test func whereCountersDoNotFit() throws {
    let kernel = ScriptedKernel([
      .datagram([Self.tooLong]), .datagram([Recordings.igb, Self.withVFs, Self.done]),
      .datagram([Recordings.igb]), .datagram([Recordings.acknowledgement]), .datagram([Self.refusal]),
      .datagram([Self.withVFs]), .datagram([Recordings.acknowledgement]),
    ])
    let links = try socket(kernel).links(counters: true)
    #expect(links.map(\.vfs.count) == [2, 3])
    // IFLA_EXT_MASK: RTEXT_FILTER_VF = 1, RTEXT_FILTER_SKIP_STATS = 8
    #expect(kernel.requests.map { $0[$0.count - 4] } == [1, 8, 1, 1, 9])
  }

  /// A PF whose VFs fit into no message is listed without them; all others have theirs.
  @Test func whereVFsDoNotFit() throws {
    let kernel = ScriptedKernel([
      .datagram([Recordings.igb, Self.tooLong]), .datagram([Recordings.igb, Self.withVFs, Self.done]),
      .datagram([Recordings.igb]), .datagram([Recordings.acknowledgement]), .datagram([Self.refusal]),
    ])
    let links = try socket(kernel).links()
    #expect(links.map(\.name) == ["enp2s0", "eni1np1"])
    #expect(links[0].vfs.count == 2)
  }

  @Test func aKernelThatIsSilentIsAnErrorAndTheSocketIsReplaced() throws {
    let kernel = ScriptedKernel([.datagram([Self.withVFs]), .failure(EAGAIN), .datagram([Self.withVFs, Self.done])])
    let socket = try socket(kernel)
    let error = #expect(throws: NetlinkError.self) { try socket.links() }
    #expect(error?.errno == EAGAIN)
    #expect(try socket.links().count == 1)
    #expect(kernel.opened == 2)
  }

  @Test func aMalformedLinkIsAnError() throws {
    let nameless = Hex.bytes("20 00 00 00 10 00*27")
    let kernel = ScriptedKernel([.datagram([Recordings.igb, nameless, Self.done])])
    let socket = try socket(kernel)
    let error = #expect(throws: NetlinkError.self) { try socket.links() }
    #expect(error?.code == .malformed)
  }

  /// Answers to writes may come in any order and any number of datagrams.
  @Test func answersBelongToTheirWrites() throws {
    let kernel = AcknowledgingKernel(refusing: [2])
    let socket = try RouteSocket { () throws(NetlinkError) in kernel }
    let errors = socket.set((0..<70).map { VFWrite(ifindex: 4, vf: $0, settings: VFSettings(trust: true)) })
    #expect(errors.indices.filter { errors[$0] != nil } == [2])
    #expect(errors[2]?.errno == EINVAL)
    #expect(kernel.datagrams == [64, 6])
  }
}

/// Acknowledges all requests of a datagram in reverse order, and refuses those in the places given.
private final class AcknowledgingKernel: NetlinkTransport {
  private let refused: [Int]
  private var waiting: [[UInt8]] = []
  private var sequence: UInt32 = 0
  /// How many requests each had.
  private(set) var datagrams: [Int] = []

  init(refusing refused: [Int]) { self.refused = refused }

  func send(_ requests: [RequestMessage]) -> Int32 {
    datagrams.append(requests.count)
    for (place, request) in requests.enumerated() {
      sequence += 1
      nlmsg_hdr(request.pointer).pointee.nlmsg_seq = sequence
      let errno = datagrams.count == 1 && refused.contains(place) ? -EINVAL : 0
      waiting.append(
        wire(36) + [2, 0, 0, 1] + wire(sequence) + wire(0) + wire(UInt32(bitPattern: errno))
          + [UInt8](repeating: 0, count: 16))
    }
    return 0
  }

  func receive(_ read: (RawSpan) throws(NetlinkError) -> Void) throws(NetlinkError) -> Int32 {
    guard let last = waiting.popLast() else { return ETIME }
    try read(last.span.bytes)
    return 0
  }
}
