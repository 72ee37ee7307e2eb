import Glibc
import Testing

@testable import Netlink

@Suite struct MessageHeaderTests {
  private func acknowledgement(_ bytes: [UInt8]) throws -> Acknowledgement {
    let message = try #require(bytes.header())
    #expect(message.next == bytes.count)
    return try #require(bytes.acknowledgement)
  }

  @Test(arguments: [Recordings.refusalInFull, Recordings.refusalCapped])
  func theKernelsTextIsFound(bytes: [UInt8]) throws {
    let refusal = try acknowledgement(bytes)
    #expect(refusal.errno == EINVAL)
    #expect(refusal.text == "mtu greater than device maximum")
  }

  @Test func successHasNoText() throws {
    let done = try acknowledgement(Recordings.acknowledgement)
    #expect(done.errno == 0)
    #expect(done.text == nil)
  }

  @Test(arguments: [Recordings.refusalInFull, Recordings.refusalCapped])
  func cutAcknowledgementsLoseOnlyTheText(bytes: [UInt8]) {
    for length in 20..<bytes.count {
      var cut = Array(bytes[..<length])
      cut[0] = UInt8(length)
      #expect(cut.acknowledgement?.errno == EINVAL)
    }
  }

  @Test func severalMessagesOfADatagram() throws {
    let datagram = Recordings.igb + Recordings.acknowledgement
    let first = try #require(datagram.header())
    let second = try #require(datagram.header(at: first.next))
    #expect(first.type == 16)
    #expect(second.type == 2)
    #expect(second.sequence == 8)
    #expect(datagram.header(at: second.next) == nil)
  }
}

extension [UInt8] {
  // Testing's macros take no spans.

  func header(at offset: Int = 0) -> MessageHeader? { MessageHeader(span.bytes, at: offset) }

  /// The first message as an acknowledgement.
  var acknowledgement: Acknowledgement? { header().flatMap { Acknowledgement($0, in: span.bytes) } }
}
