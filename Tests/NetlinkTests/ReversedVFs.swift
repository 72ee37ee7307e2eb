/// A link's message in which the attributes of each VF stand in reverse order.
struct ReversedVFs {
  private(set) var bytes: [UInt8]

  /// `message` must have an IFLA_NUM_VF in front of its VF list, and nothing in it be broken.
  init(_ message: [UInt8]) {
    bytes = message
    var (offset, count) = (32, 0)
    while offset < message.count {
      let type = number(offset + 2) & 0x3fff
      if type == 21 { count = number(offset + 4) }
      if type == 22 { break }
      offset += (number(offset) + 3) & ~3
    }
    offset += 4
    for _ in 0..<count {
      let end = offset + number(offset)
      var attributes: [ArraySlice<UInt8>] = []
      var inner = offset + 4
      while inner < end {
        let next = inner + ((number(inner) + 3) & ~3)
        attributes.append(bytes[inner..<next])
        inner = next
      }
      bytes.replaceSubrange(offset + 4..<end, with: attributes.reversed().joined())
      offset = end
    }
  }

  private func number(_ offset: Int) -> Int { Int(bytes[offset]) | Int(bytes[offset + 1]) << 8 }
}
