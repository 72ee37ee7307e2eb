import Clibnl

/// `struct nlmsghdr`, and the message it heads.
struct MessageHeader {
  static let length = 16

  var type: Int
  var flags: Int
  var sequence: UInt32
  /// What follows the header.
  var payload: WireBytes

  /// Reads the message at `offset` of a datagram, and tells where the next one is; nil when no whole one is there.
  static func read(_ datagram: WireBytes, at offset: Int) -> (message: MessageHeader, next: Int)? {
    guard let total: UInt32 = datagram.number(offset), total >= length, let type: UInt16 = datagram.number(offset + 4),
      let flags: UInt16 = datagram.number(offset + 6), let sequence: UInt32 = datagram.number(offset + 8),
      let payload = datagram.part(offset + length, Int(total) - length)
    else { return nil }
    let message = MessageHeader(type: Int(type), flags: Int(flags), sequence: sequence, payload: payload)
    return (message, offset + WireAttribute.aligned(Int(total)))
  }
}

/// What the kernel says at the end of a request: `struct nlmsgerr`, or the number in NLMSG_DONE.
struct Acknowledgement {
  /// 0 = done.
  var errno: Int32
  /// The extended ACK's text.
  var text: String?

  init?(_ message: MessageHeader) {
    guard let error: Int32 = message.payload.number(0) else { return nil }
    // Negative by rule; the magnitude of the smallest number fits no Int32.
    errno = error == .min ? .max : abs(error)
    guard message.flags & Int(NLM_F_ACK_TLVS) != 0 else { return }
    var offset = 4
    if message.type == Int(NLMSG_ERROR) {
      guard let original: UInt32 = message.payload.number(4) else { return }
      // A capped ACK repeats only the header of the request.
      let capped = message.flags & Int(NLM_F_CAPPED) != 0
      offset += capped ? MessageHeader.length : WireAttribute.aligned(Int(original))
    }
    text = message.payload.from(offset)?.attribute(ofType: Int(NLMSGERR_ATTR_MSG.rawValue))?.text
  }
}
