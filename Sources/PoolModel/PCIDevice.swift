/// A PCI function, as the kernel shows it now.
public struct PCIDevice: Hashable, Sendable {
  public var pci: PCIAddress
  public var ids: PCIIDs
  /// Nil = no driver is bound.
  public var driver: String?
  /// The only driver that the kernel binds to it, set by libvirt or an admin; nil = any that knows the device.
  public var driverOverride: String?
  public var numaNode: Int?
  public var iommuGroup: Int?
  /// The PF of a VF; nil = it is no VF.
  public var pf: PCIAddress?
  /// How many VFs it has; nil = it can't have any.
  public var numVFs: Int?
  /// How many VFs it can have at most; nil = it can't have any.
  public var totalVFs: Int?
  /// The ways in which the kernel can reset it, the preferred one first: `flr`, `pm`, `bus` …; `[]` = none.
  public var resetMethods: [String]
  /// The network interfaces on it in this network namespace.
  public var netdevs: [DeviceNetdev]
  /// Its network interface is in another network namespace.
  public var isElsewhere: Bool
  /// The block devices below it.
  public var disks: [DeviceDisk]
  /// vfio's own device node, `vfio0` of `/dev/vfio/devices`; nil = not on vfio, or an older kernel.
  public var vfioNode: String?
  /// What was made of it for guests: mediated devices, vDPA devices, in words.
  public var parts: [String]
  /// The device nodes by which processes use it: `/dev/dri/card0`, `/dev/infiniband/uverbs0` …
  public var charNodes: [String]

  public init(
    pci: PCIAddress, ids: PCIIDs, driver: String? = nil, driverOverride: String? = nil, numaNode: Int? = nil,
    iommuGroup: Int? = nil, pf: PCIAddress? = nil, numVFs: Int? = nil, totalVFs: Int? = nil,
    resetMethods: [String] = [], netdevs: [DeviceNetdev] = [], isElsewhere: Bool = false, disks: [DeviceDisk] = [],
    vfioNode: String? = nil, parts: [String] = [], charNodes: [String] = []
  ) {
    self.pci = pci
    self.ids = ids
    self.driver = driver
    self.driverOverride = driverOverride
    self.numaNode = numaNode
    self.iommuGroup = iommuGroup
    self.pf = pf
    self.numVFs = numVFs
    self.totalVFs = totalVFs
    self.resetMethods = resetMethods
    self.netdevs = netdevs
    self.isElsewhere = isElsewhere
    self.disks = disks
    self.vfioNode = vfioNode
    self.parts = parts
    self.charNodes = charNodes
  }
}

/// What a PCI function says it is.
public struct PCIIDs: Hashable, Sendable {
  /// Base class and subclass: 0x0200 is an Ethernet controller.
  public var deviceClass: UInt16
  public var vendor: UInt16
  public var device: UInt16
  public var subsystemVendor: UInt16?
  public var subsystemDevice: UInt16?
  public var revision: UInt8?

  public init(
    deviceClass: UInt16, vendor: UInt16, device: UInt16, subsystemVendor: UInt16? = nil,
    subsystemDevice: UInt16? = nil, revision: UInt8? = nil
  ) {
    self.deviceClass = deviceClass
    self.vendor = vendor
    self.device = device
    self.subsystemVendor = subsystemVendor
    self.subsystemDevice = subsystemDevice
    self.revision = revision
  }
}

/// A network interface of a PCI device, and what the host does with it.
public struct DeviceNetdev: Hashable, Sendable {
  public var name: String
  /// Whether it is set up (IFF_UP).
  public var isUp: Bool
  /// IP addresses, link-local IPv6 ones left out.
  public var addresses: [String]
  /// What it is in: `bridge br0`.
  public var master: String?
  /// What is stacked on it: `vlan enp1s0.42`.
  public var uppers: [String]
  /// The host's default routes that leave through it: `IPv4`, or `IPv6 through bridge br0`.
  public var defaultRoutes: [String]

  public init(
    name: String, isUp: Bool = false, addresses: [String] = [], master: String? = nil, uppers: [String] = [],
    defaultRoutes: [String] = []
  ) {
    self.name = name
    self.isUp = isUp
    self.addresses = addresses
    self.master = master
    self.uppers = uppers
    self.defaultRoutes = defaultRoutes
  }
}

/// A disk or partition below a PCI device.
public struct DeviceDisk: Hashable, Sendable {
  /// `vda1`
  public var name: String
  /// What the host does with it: `is mounted on /`; nil = nothing.
  public var use: String?

  public init(name: String, use: String? = nil) {
    self.name = name
    self.use = use
  }
}

/// Which of the kinds that matter here a device is.
public enum DeviceKind: String, Codable, Hashable, Sendable, CaseIterable {
  /// It has VFs or can have some.
  case pf
  case vf
  /// Bridges and ports lead to other devices; nobody can be given one.
  case bridge
  case device
}

extension PCIDevice {
  public var kind: DeviceKind {
    if Self.isBridge(ids.deviceClass) { return .bridge }
    if pf != nil { return .vf }
    return totalVFs ?? 0 > 0 ? .pf : .device
  }

  /// Base class 06, but for its subclass 80: that is what devices call themselves that are none (NTB, NVSwitch).
  private static func isBridge(_ deviceClass: UInt16) -> Bool { deviceClass >> 8 == 0x06 && deviceClass & 0xff != 0x80 }

  /// Whether it stands ready for a guest: on `vfio-pci`, or on a vendor's own vfio driver.
  public var isOnVFIO: Bool { driver.map(Self.isVFIO) ?? false }

  /// Whether a driver is one of vfio's, which drive devices for guests.
  public static func isVFIO(_ driver: String) -> Bool { driver.contains("vfio") }

  /// Whether a driver of the host keeps its whole IOMMU group from guests.
  public var blocksItsGroup: Bool {
    driver.map { Self.blocksItsGroup(driver: $0, deviceClass: ids.deviceClass) } ?? false
  }

  /// Whether a device of this class with this driver keeps its whole IOMMU group from guests.
  ///
  /// Source: the kernel's `Documentation/driver-api/vfio.rst`: bridges may keep `pcieport`, and `pci-stub` is harmless.
  public static func blocksItsGroup(driver: String, deviceClass: UInt16) -> Bool {
    !isVFIO(driver) && !isBridge(deviceClass) && !["pci-stub", "pcieport"].contains(driver)
  }
}

/// Every PCI device of the host at one moment.
public struct DeviceInventory: Hashable, Sendable {
  /// Ordered by address.
  public var devices: [PCIDevice]
  /// What could not be read, in words; the rest is whole.
  public var problems: [String]

  public init(devices: [PCIDevice] = [], problems: [String] = []) {
    self.devices = devices
    self.problems = problems
  }

  public func device(at pci: PCIAddress) -> PCIDevice? { devices.first { $0.pci == pci } }

  /// The others that share its IOMMU group: a guest gets all of them or none.
  public func companions(of device: PCIDevice) -> [PCIDevice] {
    guard let group = device.iommuGroup else { return [] }
    return devices.filter { $0.iommuGroup == group && $0.pci != device.pci }
  }
}
