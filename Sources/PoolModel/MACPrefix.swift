/// The first three octets of the MACs that vfpool generates, written `52:54:00`.
public struct MACPrefix: Hashable, Sendable {
  /// The three octets, the first on the wire in the most significant place; the upper 8 bits are zero.
  public let value: UInt32

  /// QEMU's and libvirt's own.
  public static let standard = MACPrefix(value: 0x52_5400)

  private init(value: UInt32) { self.value = value }

  /// An address with this prefix and random last octets that is none of `taken`; nil = all 16 million are.
  public func address(
    besides taken: Set<MACAddress>, using generator: inout some RandomNumberGenerator
  ) -> MACAddress? {
    let first = UInt32.random(in: 0..<Self.suffixes, using: &generator)
    for step in 0..<Self.suffixes {
      let address = MACAddress(value: UInt64(value) << 24 | UInt64((first + step) % Self.suffixes))
      if !address.isZero, !taken.contains(address) { return address }
    }
    return nil
  }

  private static let suffixes: UInt32 = 1 << 24
}

extension MACPrefix: LosslessStringConvertible {
  /// Reads three two-digit octets with colons, in either case. Nil for anything else, and for the prefix of multicast
  /// addresses, which can't be a NIC's own.
  public init?(_ text: String) {
    guard let address = MACAddress(text + ":00:00:00"), !address.isMulticast else { return nil }
    self.init(value: UInt32(address.value >> 24))
  }

  public var description: String { String(MACAddress(value: UInt64(value) << 24).description.prefix(8)) }
}
