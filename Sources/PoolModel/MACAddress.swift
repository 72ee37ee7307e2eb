/// A 48-bit Ethernet address, written in lower case with colons: `52:54:00:aa:00:01`.
public struct MACAddress: Hashable, Sendable {
  /// The six octets, the first on the wire in the most significant place; the upper 16 bits are zero.
  public let value: UInt64

  public init(value: UInt64) { self.value = value & 0xffff_ffff_ffff }

  /// Nil unless there are exactly six octets.
  public init?(octets: some Collection<UInt8>) {
    guard octets.count == 6 else { return nil }
    self.init(value: octets.reduce(0) { $0 << 8 | UInt64($1) })
  }

  public var octets: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: value >> (40 - 8 * $0)) } }

  /// What drivers show for a VF that was never given a MAC.
  public static let zero = MACAddress(value: 0)
  public var isZero: Bool { value == 0 }
  /// Multicast and broadcast addresses can't be a NIC's own.
  public var isMulticast: Bool { value >> 40 & 1 == 1 }
}

extension MACAddress: Comparable {
  public static func < (a: MACAddress, b: MACAddress) -> Bool { a.value < b.value }
}

extension MACAddress: LosslessStringConvertible {
  /// Reads six two-digit octets with colons, in either case. Nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let octets = parts.compactMap { UInt8(hex: $0, digits: 2...2) }
    guard octets.count == parts.count else { return nil }
    self.init(octets: octets)
  }

  public var description: String {
    String(unsafeUninitializedCapacity: 17) { text in
      for place in 0..<17 {
        let nibble = UInt8(truncatingIfNeeded: value >> (44 - 4 * (place - place / 3))) & 0xf
        text[place] =
          place % 3 == 2
          ? UInt8(ascii: ":") : nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") - 10 + nibble
      }
      return 17
    }
  }
}

extension MACAddress: TextCoded {
  public static var shape: String { "a MAC like 52:54:00:12:34:56" }
}
