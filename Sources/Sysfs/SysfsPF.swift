import PoolModel

/// What sysfs tells about a PF and its VFs.
public struct SysfsPF: Hashable, Sendable {
  /// The netdev's name; of several, that of the first port. Without a netdev the PCI address.
  public var name: String
  /// 0 without a netdev.
  public var ifindex: Int32
  /// The names of its netdevs, in the order of their ports.
  public var netdevs: [String]
  /// Nil for a PF that isn't on PCI (netdevsim).
  public var pci: PCIAddress?
  public var id: PCIID?
  /// What its VFs are, also while it has none.
  public var vfID: PCIID?
  /// The MAC that the netdev has now.
  public var mac: MACAddress?
  public var driver: String?
  public var numaNode: Int?
  public var iommuGroup: IOMMUGroup?
  public var mtu: Int?
  public var numVFs: Int
  public var totalVFs: Int
  /// Why vfpool can't serve this PF, in words; nil = nothing in sysfs speaks against it.
  public var unsupported: String?
  /// Ordered by index.
  public var vfs: [SysfsVF]

  public init(
    name: String, ifindex: Int32, netdevs: [String]? = nil, pci: PCIAddress? = nil, id: PCIID? = nil,
    vfID: PCIID? = nil, mac: MACAddress? = nil,
    driver: String? = nil, numaNode: Int? = nil, iommuGroup: IOMMUGroup? = nil, mtu: Int? = nil, numVFs: Int,
    totalVFs: Int, unsupported: String? = nil, vfs: [SysfsVF] = []
  ) {
    self.name = name
    self.ifindex = ifindex
    self.netdevs = netdevs ?? [name]
    self.pci = pci
    self.id = id
    self.vfID = vfID
    self.mac = mac
    self.driver = driver
    self.numaNode = numaNode
    self.iommuGroup = iommuGroup
    self.mtu = mtu
    self.numVFs = numVFs
    self.totalVFs = totalVFs
    self.unsupported = unsupported
    self.vfs = vfs
  }
}

/// What sysfs tells about a VF.
public struct SysfsVF: Hashable, Sendable {
  public var index: Int
  /// Nil for a VF that isn't on PCI (netdevsim).
  public var pci: PCIAddress?
  /// Nil = no driver is bound.
  public var driver: String?
  public var numaNode: Int?
  public var iommuGroup: IOMMUGroup?
  /// The VF's netdev in this network namespace.
  public var netdev: String?
  public var mtu: Int?
  /// The bridge, bond or the like that the netdev is in.
  public var master: String?
  /// The VF has a netdev, but in another network namespace.
  public var isElsewhere: Bool

  public init(
    index: Int, pci: PCIAddress? = nil, driver: String? = nil, numaNode: Int? = nil, iommuGroup: IOMMUGroup? = nil,
    netdev: String? = nil, mtu: Int? = nil, master: String? = nil, isElsewhere: Bool = false
  ) {
    self.index = index
    self.pci = pci
    self.driver = driver
    self.numaNode = numaNode
    self.iommuGroup = iommuGroup
    self.netdev = netdev
    self.mtu = mtu
    self.master = master
    self.isElsewhere = isElsewhere
  }
}

/// Every network card's PF, read one after the other.
public struct SysfsScan: Hashable, Sendable {
  /// Ordered by PCI address, those without one last, by name.
  public var pfs: [SysfsPF]
  /// The CPUs of each NUMA node.
  public var numaNodes: [Int: Set<Int>]
  /// What could not be read, in words.
  public var problems: [String]

  public init(pfs: [SysfsPF] = [], numaNodes: [Int: Set<Int>] = [:], problems: [String] = []) {
    self.pfs = pfs
    self.numaNodes = numaNodes
    self.problems = problems
  }
}
