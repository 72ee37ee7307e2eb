/// Names out of pci.ids; what it lacks is missing here, too.
public struct PCINames: Hashable, Sendable {
  /// By vendor id.
  public var vendors: [UInt16: String]
  /// By vendor id (upper half) and device id.
  public var devices: [UInt32: String]
  /// By base class (upper half) and subclass.
  public var classes: [UInt16: String]
  /// By base class: for subclasses that have no name.
  public var baseClasses: [UInt8: String]

  public init(
    vendors: [UInt16: String] = [:], devices: [UInt32: String] = [:], classes: [UInt16: String] = [:],
    baseClasses: [UInt8: String] = [:]
  ) {
    self.vendors = vendors
    self.devices = devices
    self.classes = classes
    self.baseClasses = baseClasses
  }

  public func className(_ ids: PCIIDs) -> String? {
    classes[ids.deviceClass] ?? baseClasses[UInt8(ids.deviceClass >> 8)]
  }

  public func vendorName(_ ids: PCIIDs) -> String? { vendors[ids.vendor] }
  public func deviceName(_ ids: PCIIDs) -> String? { devices[Self.key(ids)] }

  public static func key(_ ids: PCIIDs) -> UInt32 { UInt32(ids.vendor) << 16 | UInt32(ids.device) }
}
