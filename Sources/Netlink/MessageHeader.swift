import Clibnl

/// `struct nlmsghdr`, and where its message is in the datagram that it was read from.
struct MessageHeader {
  static let length = 16

  var type: Int
  var flags: Int
  var sequence: UInt32
  /// What follows the header.
  var payload: Range<Int>
  /// Where the next message begins.
  var next: Int

  /// Reads the message at `offset`; nil when no whole one is there.
  init?(_ datagram: RawSpan, at offset: Int = 0) {
    guard let total: UInt32 = datagram.number(offset), let type: UInt16 = datagram.number(offset + 4),
      let flags: UInt16 = datagram.number(offset + 6), let sequence: UInt32 = datagram.number(offset + 8),
      total >= Self.length, Int(total) <= datagram.byteCount - offset
    else { return nil }
    self.type = Int(type)
    self.flags = Int(flags)
    self.sequence = sequence
    payload = offset + Self.length..<offset + Int(total)
    next = offset + WireAttribute.aligned(Int(total))
  }
}

/// What the kernel says at the end of a request: `struct nlmsgerr`, or the number in NLMSG_DONE.
struct Acknowledgement: Hashable {
  /// 0 = done.
  var errno: Int32
  /// The extended ACK's text.
  var text: String?

  init(errno: Int32) { self.errno = errno }

  /// Nil when the message holds no number.
  init?(_ message: MessageHeader, in datagram: RawSpan) {
    let (start, end) = (message.payload.lowerBound, message.payload.upperBound)
    guard end - start >= 4, let error: Int32 = datagram.number(start) else { return nil }
    // Negative by rule; the magnitude of the smallest number fits no Int32.
    errno = error == .min ? .max : abs(error)
    guard message.flags & Int(NLM_F_ACK_TLVS) != 0 else { return }
    var offset = start + 4
    if message.type == Int(NLMSG_ERROR) {
      guard end - offset >= 4, let original: UInt32 = datagram.number(offset) else { return }
      // A capped ACK repeats only the header of the request.
      let capped = message.flags & Int(NLM_F_CAPPED) != 0
      offset += capped ? MessageHeader.length : WireAttribute.aligned(Int(original))
    }
    guard offset <= end else { return }
    text = datagram.attribute(ofType: Int(NLMSGERR_ATTR_MSG.rawValue), in: offset..<end).map {
      datagram.text($0.payload)
    }
  }
}
