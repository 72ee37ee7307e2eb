import PoolModel

/// Bytes of a netlink message, read with every bound checked: what lies outside reads as nil.
///
/// Spans, not arrays: a VF has a dozen attributes, and counting references to them would cost more than reading them.
/// Numbers are in the host's byte order unless said otherwise (`netlink(7)`).
extension RawSpan {
  @inline(__always)
  func number<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as type: Number.Type = Number.self) -> Number?
  {
    guard offset >= 0, offset <= byteCount - MemoryLayout<Number>.size else { return nil }
    return unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: Number.self)
  }

  func text(_ range: Range<Int>) -> String {
    extracting(range).withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  func octets(_ range: Range<Int>) -> [UInt8] { extracting(range).withUnsafeBytes { Array($0) } }
}

/// One attribute: `struct nlattr`, and where it is in the bytes that it was read from.
struct WireAttribute {
  /// Without the flags for nesting and byte order.
  var type: Int
  /// Where its payload begins.
  var start: Int
  /// How many bytes its payload has.
  var count: Int

  var payload: Range<Int> { start..<end }
  // 16 bits of length and a place in memory: no sum of them overflows.
  var end: Int { start &+ count }
  /// Where the next attribute begins.
  var next: Int { start &+ Self.aligned(count) }

  /// Rounds up to the four bytes to which attributes and messages are aligned.
  static func aligned(_ length: Int) -> Int { (length &+ 3) & ~3 }
  static let headerLength = 4
}

extension RawSpan {
  /// The attribute that begins at `offset`; nil when no whole one is there that ends by `end`, which must not be behind
  /// the last byte.
  @inline(__always)
  func attribute(at offset: Int, before end: Int) -> WireAttribute? {
    assert(offset >= 0 && end <= byteCount)
    let left = end &- offset
    guard left >= WireAttribute.headerLength else { return nil }
    let length = Int(unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt16.self))
    let type = unsafeLoadUnaligned(fromUncheckedByteOffset: offset &+ 2, as: UInt16.self)
    guard length >= WireAttribute.headerLength, length <= left else { return nil }
    return WireAttribute(
      type: Int(type & 0x3fff), start: offset &+ WireAttribute.headerLength,
      count: length &- WireAttribute.headerLength)
  }

  /// The first attribute of `type` in `range`, whose attributes are read up to the first broken one.
  func attribute(ofType type: Int, in range: Range<Int>) -> WireAttribute? {
    var offset = range.lowerBound
    while let attribute = attribute(at: offset, before: range.upperBound) {
      if attribute.type == type { return attribute }
      offset = attribute.next
    }
    return nil
  }

  /// The number at `offset` of an attribute's payload.
  @inline(__always)
  func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _ offset: Int, of attribute: WireAttribute, as type: Number.Type = Number.self
  ) -> Number? {
    guard offset &+ MemoryLayout<Number>.size <= attribute.count else { return nil }
    return unsafeLoadUnaligned(fromUncheckedByteOffset: attribute.start &+ offset, as: Number.self)
  }

  /// The six octets at `offset` of an attribute's payload.
  @inline(__always)
  func mac(_ offset: Int, of attribute: WireAttribute) -> MACAddress? {
    guard let high: UInt16 = number(offset, of: attribute), let low: UInt32 = number(offset + 2, of: attribute) else {
      return nil
    }
    return MACAddress(value: UInt64(UInt16(bigEndian: high)) << 32 | UInt64(UInt32(bigEndian: low)))
  }
}
