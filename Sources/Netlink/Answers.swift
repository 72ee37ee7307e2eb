import Clibnl

/// The answers to one request, read datagram by datagram.
struct Answers {
  private let sequence: UInt32
  /// Links changed between the parts of a dump (NLM_F_DUMP_INTR): it may lack some, or hold some twice.
  private(set) var isInterrupted = false
  /// What the kernel ended with; nil while more is to come.
  private(set) var end: Acknowledgement?

  /// Of the request with this sequence number; what belongs to another one is passed over.
  init(to sequence: UInt32) { self.sequence = sequence }

  /// Hands on the messages of one datagram, up to the end of the answers if that is among them.
  mutating func read(
    _ datagram: RawSpan, _ take: (MessageHeader, RawSpan) throws(NetlinkError) -> Void
  ) throws(NetlinkError) {
    var offset = 0
    while end == nil, let message = MessageHeader(datagram, at: offset) {
      offset = message.next
      guard message.sequence == sequence else { continue }
      if message.flags & Int(NLM_F_DUMP_INTR) != 0 { isInterrupted = true }
      switch message.type {
      case Int(NLMSG_ERROR), Int(NLMSG_DONE): end = Acknowledgement(message, in: datagram) ?? Acknowledgement(errno: 0)
      default: try take(message, datagram)
      }
    }
  }
}
