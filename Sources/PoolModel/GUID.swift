/// A 64-bit GUID of an InfiniBand node or port, written `00:02:c9:03:00:00:00:01`.
public struct GUID: Hashable, Sendable {
  public let value: UInt64

  public init(value: UInt64) { self.value = value }
}

extension GUID: LosslessStringConvertible {
  /// Reads eight two-digit octets with colons, in either case. Nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let octets = parts.compactMap { UInt8(hex: $0, digits: 2...2) }
    guard octets.count == parts.count, octets.count == 8 else { return nil }
    self.init(value: octets.reduce(0) { $0 << 8 | UInt64($1) })
  }

  public var description: String {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)).hex(digits: 2) }.joined(separator: ":")
  }
}

extension GUID: TextCoded {
  public static var shape: String { "a GUID like 00:02:c9:03:00:00:00:01" }
}
