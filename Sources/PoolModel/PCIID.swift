/// Which kind of PCI function it is, as `lspci -n` writes it: vendor and device, `8086:10ca`.
public struct PCIID: Hashable, Sendable {
  public var vendor: UInt16
  public var device: UInt16

  public init(vendor: UInt16, device: UInt16) {
    self.vendor = vendor
    self.device = device
  }
}

extension PCIID: LosslessStringConvertible {
  /// Reads two numbers of four hexadecimal digits, in either case. Nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let vendor = UInt16(hex: parts[0], digits: 4...4),
      let device = UInt16(hex: parts[1], digits: 4...4)
    else { return nil }
    self.init(vendor: vendor, device: device)
  }

  public var description: String { "\(vendor.hex(digits: 4)):\(device.hex(digits: 4))" }
}

extension PCIID: TextCoded {
  public static var shape: String { "vendor:device like 8086:10ca" }
}
