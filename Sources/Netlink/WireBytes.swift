import PoolModel

/// Bytes of a netlink message, read with every bound checked: what lies outside reads as nil.
///
/// Numbers are in the host's byte order unless said otherwise (`netlink(7)`).
struct WireBytes {
  private let bytes: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  var count: Int { bytes.count }

  /// The part from `offset`, `length` long; nil unless all of it is there.
  func part(_ offset: Int, _ length: Int) -> WireBytes? {
    guard offset >= 0, length >= 0, offset <= count, length <= count - offset else { return nil }
    let start = bytes.startIndex + offset
    return WireBytes(bytes[start..<start + length])
  }

  func from(_ offset: Int) -> WireBytes? { part(offset, count - offset) }

  func number<Number: FixedWidthInteger>(_ offset: Int, as type: Number.Type = Number.self) -> Number? {
    guard offset >= 0, offset <= count - MemoryLayout<Number>.size else { return nil }
    return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
  }

  /// The text up to the first zero byte.
  var text: String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }

  var octets: [UInt8] { Array(bytes) }

  /// The six octets at `offset`.
  func mac(_ offset: Int) -> MACAddress? {
    guard let high: UInt16 = number(offset), let low: UInt32 = number(offset + 2) else { return nil }
    return MACAddress(value: UInt64(UInt16(bigEndian: high)) << 32 | UInt64(UInt32(bigEndian: low)))
  }
}

/// One attribute: `struct nlattr`, its payload and where it ends.
struct WireAttribute {
  /// Without the flags for nesting and byte order.
  var type: Int
  var payload: WireBytes

  /// Rounds up to the four bytes to which attributes and messages are aligned.
  static func aligned(_ length: Int) -> Int { (length + 3) & ~3 }
  static let headerLength = 4
}

extension WireBytes {
  /// The attribute that begins at `offset`, and the offset of the next; nil when no whole one is there.
  func attribute(at offset: Int) -> (attribute: WireAttribute, next: Int)? {
    guard let length: UInt16 = number(offset), let type: UInt16 = number(offset + 2),
      length >= WireAttribute.headerLength,
      let payload = part(offset + WireAttribute.headerLength, Int(length) - WireAttribute.headerLength)
    else { return nil }
    let attribute = WireAttribute(type: Int(type & 0x3fff), payload: payload)
    return (attribute, offset + WireAttribute.aligned(Int(length)))
  }

  /// The attributes from `offset` on, up to the first broken one.
  func attributes(from offset: Int = 0) -> [WireAttribute] {
    var found: [WireAttribute] = []
    var offset = offset
    while let (attribute, next) = attribute(at: offset) {
      found.append(attribute)
      offset = next
    }
    return found
  }

  /// The payload of the first attribute of `type`.
  func attribute(ofType type: Int) -> WireBytes? { attributes().first { $0.type == type }?.payload }
}
