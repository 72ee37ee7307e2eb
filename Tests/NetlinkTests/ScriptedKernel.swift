import Glibc

@testable import Netlink

/// A kernel that answers each request with the next datagrams of a script.
final class ScriptedKernel: NetlinkTransport {
  enum Step {
    /// Messages of one datagram; each is made an answer to the request.
    case datagram([[UInt8]])
    /// Likewise, but to another request than the one that was sent.
    case astray([UInt8])
    case failure(Int32)
  }

  private var steps: [Step]
  private(set) var requests: [[UInt8]] = []
  /// How often a socket was opened.
  var opened = 0

  init(_ steps: [Step]) { self.steps = steps }

  func send(_ requests: [RequestMessage]) -> Int32 {
    self.requests += requests.map(\.bytes)
    return 0
  }

  func receive(_ read: (RawSpan) throws(NetlinkError) -> Void) throws(NetlinkError) -> Int32 {
    // Nothing more to come: what waits for more would hang.
    guard !steps.isEmpty else { return ETIME }
    var datagram: [UInt8]
    switch steps.removeFirst() {
    case .failure(let error): return error
    case .astray(let message): datagram = Self.numbered(message, [0xff, 0xff, 0xff, 0xff])
    case .datagram(let messages):
      let sequence = requests.last.map { Array($0[8..<12]) } ?? [0, 0, 0, 0]
      datagram = messages.flatMap { Self.numbered($0, sequence) }
    }
    try read(datagram.span.bytes)
    return 0
  }

  private static func numbered(_ message: [UInt8], _ sequence: [UInt8]) -> [UInt8] {
    var message = message + [UInt8](repeating: 0, count: WireAttribute.aligned(message.count) - message.count)
    message.replaceSubrange(8..<12, with: sequence)
    return message
  }
}

extension [UInt8] {
  /// A netlink message with NLM_F_DUMP_INTR.
  var interrupted: [UInt8] {
    var message = self
    message[6] |= 0x10
    return message
  }
}
