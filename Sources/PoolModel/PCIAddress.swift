/// The address of a PCI function, as sysfs and libvirt write it: `0000:01:10.0`.
///
/// Domains above 0xffff exist (Intel VMD, Hyper-V) and are kept: `10000:01:00.0`.
public struct PCIAddress: Hashable, Sendable {
  public let domain: UInt32
  public let bus: UInt8
  /// 0...31
  public let slot: UInt8
  /// 0...7
  public let function: UInt8

  public init(domain: UInt32 = 0, bus: UInt8, slot: UInt8, function: UInt8) {
    self.domain = domain
    self.bus = bus
    self.slot = slot & 0x1f
    self.function = function & 0x7
  }

  /// One number is hashed faster than four, and placement looks up thousands.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(UInt64(domain) << 32 | UInt64(bus) << 16 | UInt64(slot) << 8 | UInt64(function))
  }
}

extension PCIAddress: LosslessStringConvertible {
  /// Reads `0000:01:10.0`, and the short form `01:10.0` of domain 0. Nil for anything else.
  public init?(_ text: String) {
    let colons = text.split(separator: ":", omittingEmptySubsequences: false)
    guard colons.count == 2 || colons.count == 3 else { return nil }
    let tail = colons[colons.count - 1].split(separator: ".", omittingEmptySubsequences: false)
    guard tail.count == 2,
      let domain = colons.count == 3 ? UInt32(hex: colons[0], digits: 4...8) : 0,
      let bus = UInt8(hex: colons[colons.count - 2], digits: 2...2),
      let slot = UInt8(hex: tail[0], digits: 2...2), slot < 32,
      let function = UInt8(hex: tail[1], digits: 1...1), function < 8
    else { return nil }
    self.init(domain: domain, bus: bus, slot: slot, function: function)
  }

  public var description: String {
    "\(domain.hex(digits: 4)):\(bus.hex(digits: 2)):\(slot.hex(digits: 2)).\(function)"
  }
}

extension PCIAddress {
  /// Reads what people type: an address as `init(_:)` takes it, or libvirt's name `pci_0000_01_10_0`.
  public static func named(_ text: String) -> PCIAddress? {
    guard text.hasPrefix("pci_") else { return PCIAddress(text) }
    let parts = text.dropFirst(4).split(separator: "_", omittingEmptySubsequences: false)
    return parts.count == 4 ? PCIAddress("\(parts[0]):\(parts[1]):\(parts[2]).\(parts[3])") : nil
  }

  /// What libvirt calls the device: `pci_0000_01_10_0`.
  public var libvirtName: String {
    "pci_\(domain.hex(digits: 4))_\(bus.hex(digits: 2))_\(slot.hex(digits: 2))_\(function)"
  }

  /// Whether both are functions of one slot, or the same.
  public func isInSlot(of other: PCIAddress) -> Bool {
    domain == other.domain && bus == other.bus && slot == other.slot
  }

  /// As lspci writes it: `01:10.0`, with the domain only where that isn't 0.
  public var short: String { domain == 0 ? String(description.dropFirst(5)) : description }
}

extension PCIAddress: Comparable {
  public static func < (a: PCIAddress, b: PCIAddress) -> Bool {
    (a.domain, a.bus, a.slot, a.function) < (b.domain, b.bus, b.slot, b.function)
  }
}

extension PCIAddress: TextCoded {
  public static var shape: String { "a PCI address like 0000:01:10.0" }
}

extension FixedWidthInteger where Self: UnsignedInteger {
  /// Reads bare hexadecimal digits, no sign and no prefix; nil unless their number lies in `digits`.
  init?(hex text: some StringProtocol, digits: ClosedRange<Int>) {
    guard digits.contains(text.utf8.count), text.allSatisfy(\.isHexDigit) else { return nil }
    self.init(text, radix: 16)
  }

  /// Lower-case hexadecimal, padded with zeroes to `digits`.
  func hex(digits: Int) -> String {
    let text = String(self, radix: 16)
    return String(repeating: "0", count: Swift.max(0, digits - text.count)) + text
  }
}
