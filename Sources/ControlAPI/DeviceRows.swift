import PoolModel

/// A PCI device, as `vfpool device list --json` prints it. Ids are hexadecimal, as lspci writes them.
public struct DeviceRow: Codable, Hashable, Sendable {
  public var pci: PCIAddress
  /// `pci_0000_01_10_0`
  public var libvirtName: String
  public var kind: DeviceKind
  /// Base class and subclass: `0200`.
  public var `class`: String
  /// Null where pci.ids has no name, or isn't installed; so are the other names.
  @OrNull public var className: String?
  public var vendor: String
  @OrNull public var vendorName: String?
  public var device: String
  @OrNull public var deviceName: String?
  @OrNull public var subsystemVendor: String?
  @OrNull public var subsystemDevice: String?
  @OrNull public var revision: String?
  @OrNull public var driver: String?
  /// The only driver that the kernel binds to it; null = any that knows the device.
  @OrNull public var driverOverride: String?
  @OrNull public var numaNode: Int?
  @OrNull public var iommuGroup: Int?
  public var netdevs: [String]
  /// Of a VF: the PCI address of its PF.
  @OrNull public var pf: PCIAddress?
  /// Of a VF: its place on its card, `enp1s0/3`.
  @OrNull public var vf: String?
  /// Null for what can't have VFs.
  @OrNull public var numVFs: Int?
  @OrNull public var totalVFs: Int?
  /// The ways in which the kernel can reset it, the preferred one first.
  public var resetMethods: [String]
  /// The pool that a VF is in.
  @OrNull public var pool: String?
  /// The running guest that has it.
  @OrNull public var guest: String?
  /// What speaks against detaching it now, in words; null = nothing.
  @OrNull public var inUse: String?

  public init(
    _ pciDevice: PCIDevice, className: String? = nil, vendorName: String? = nil, deviceName: String? = nil,
    vf: VFIndex? = nil, pool: String? = nil, guest: String? = nil, inUse: String? = nil
  ) {
    let ids = pciDevice.ids
    pci = pciDevice.pci
    libvirtName = pciDevice.pci.libvirtName
    kind = pciDevice.kind
    self.class = Self.hexadecimal(ids.deviceClass)
    vendor = Self.hexadecimal(ids.vendor)
    device = Self.hexadecimal(ids.device)
    netdevs = pciDevice.netdevs.map(\.name)
    resetMethods = pciDevice.resetMethods
    _className = OrNull(wrappedValue: className)
    _vendorName = OrNull(wrappedValue: vendorName)
    _deviceName = OrNull(wrappedValue: deviceName)
    _subsystemVendor = OrNull(wrappedValue: ids.subsystemVendor.map(Self.hexadecimal))
    _subsystemDevice = OrNull(wrappedValue: ids.subsystemDevice.map(Self.hexadecimal))
    _revision = OrNull(wrappedValue: ids.revision.map(Self.hexadecimal))
    _driver = OrNull(wrappedValue: pciDevice.driver)
    _driverOverride = OrNull(wrappedValue: pciDevice.driverOverride)
    _numaNode = OrNull(wrappedValue: pciDevice.numaNode)
    _iommuGroup = OrNull(wrappedValue: pciDevice.iommuGroup)
    _pf = OrNull(wrappedValue: pciDevice.pf)
    _vf = OrNull(wrappedValue: vf?.description)
    _numVFs = OrNull(wrappedValue: pciDevice.numVFs)
    _totalVFs = OrNull(wrappedValue: pciDevice.totalVFs)
    _pool = OrNull(wrappedValue: pool)
    _guest = OrNull(wrappedValue: guest)
    _inUse = OrNull(wrappedValue: inUse)
  }

  /// With all leading zeroes.
  private static func hexadecimal(_ number: some FixedWidthInteger) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: number.bitWidth / 4 - text.utf8.count) + text
  }
}

/// `vfpool device show`: a device, who shares its IOMMU group, and what libvirt says of it.
public struct DeviceReport: Codable, Hashable, Sendable {
  public var row: DeviceRow
  /// The other devices of its IOMMU group: a guest gets all of them or none.
  public var companions: [DeviceCompanion]
  /// Null = libvirt doesn't know it, or isn't there.
  @OrNull public var libvirt: LibvirtDevice?
  /// What to know before it is given to a guest, in words.
  public var notes: [String]

  public init(row: DeviceRow, companions: [DeviceCompanion], libvirt: LibvirtDevice?, notes: [String]) {
    self.row = row
    self.companions = companions
    self.notes = notes
    _libvirt = OrNull(wrappedValue: libvirt)
  }
}

/// Another device of an IOMMU group.
public struct DeviceCompanion: Codable, Hashable, Sendable {
  public var row: DeviceRow
  /// Whether the host's driver on it keeps the group from guests; bridges and ports never do.
  public var blocks: Bool

  public init(row: DeviceRow, blocks: Bool) {
    self.row = row
    self.blocks = blocks
  }
}

/// What libvirt says of a device.
public struct LibvirtDevice: Codable, Hashable, Sendable {
  /// `pci_0000_01_10_0`
  public var name: String
  /// The device above it.
  @OrNull public var parent: String?
  @OrNull public var driver: String?
  @OrNull public var vendor: String?
  @OrNull public var product: String?
  /// The PCIe link now: `5 GT/s x4`; null for VFs and plain PCI.
  @OrNull public var link: String?
  /// The most that the link could be.
  @OrNull public var linkLimit: String?

  public init(
    name: String, parent: String?, driver: String?, vendor: String?, product: String?, link: String?,
    linkLimit: String?
  ) {
    self.name = name
    _parent = OrNull(wrappedValue: parent)
    _driver = OrNull(wrappedValue: driver)
    _vendor = OrNull(wrappedValue: vendor)
    _product = OrNull(wrappedValue: product)
    _link = OrNull(wrappedValue: link)
    _linkLimit = OrNull(wrappedValue: linkLimit)
  }
}

/// What became of a device that was detached, reattached or reset.
public struct DeviceChange: Codable, Hashable, Sendable {
  /// The device afterwards.
  public var row: DeviceRow
  /// In words: `is on vfio-pci now, was on igbvf`.
  public var done: String
  /// What to know, in words.
  public var notes: [String]

  public init(row: DeviceRow, done: String, notes: [String]) {
    self.row = row
    self.done = done
    self.notes = notes
  }
}
