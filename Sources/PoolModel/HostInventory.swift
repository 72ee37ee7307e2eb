/// A network card's physical function.
public struct PF: Hashable, Sendable {
  /// The netdev's name, `enp1s0`; of several, that of the first port. Without a netdev the PCI address.
  public var name: String
  /// The kernel's interface index of the netdev; 0 without one.
  public var ifindex: Int32
  /// The kernel's other names of the netdev.
  public var altNames: [String]
  /// The netdevs of its further ports.
  public var otherNetdevs: [String]
  /// Nil for a PF that isn't on PCI (netdevsim).
  public var pci: PCIAddress?
  public var id: PCIID?
  /// What its VFs are, also while it has none.
  public var vfID: PCIID?
  public var mac: MACAddress?
  /// The MAC that the card came with; `mac` is another one in a bond, or when an admin set one.
  public var permanentMAC: MACAddress?
  public var driver: String?
  public var numaNode: Int?
  public var iommuGroup: IOMMUGroup?
  /// Nil when the interface is administratively down, where the kernel knows no carrier.
  public var carrier: Bool?
  /// The bond that the PF is in, whose other links may carry on without this one.
  public var bond: String?
  /// Mbit/s; nil where the driver doesn't know, as without a carrier.
  public var speed: Int?
  public var mtu: Int?
  public var numVFs: Int
  public var totalVFs: Int
  /// Whether drivers are bound to new VFs by themselves.
  public var autoprobe: Bool?
  /// `legacy` or `switchdev`; nil where the driver has no such switch.
  public var eswitchMode: String?
  /// Why vfpool can't serve this PF (switchdev mode, InfiniBand), in words; nil = it can.
  public var unsupported: String?

  public init(
    name: String, ifindex: Int32, altNames: [String] = [], otherNetdevs: [String] = [], pci: PCIAddress? = nil,
    id: PCIID? = nil, vfID: PCIID? = nil, mac: MACAddress? = nil, permanentMAC: MACAddress? = nil,
    driver: String? = nil, numaNode: Int? = nil,
    iommuGroup: IOMMUGroup? = nil,
    carrier: Bool? = nil, bond: String? = nil, speed: Int? = nil, mtu: Int? = nil, numVFs: Int, totalVFs: Int,
    autoprobe: Bool? = nil, eswitchMode: String? = nil, unsupported: String? = nil
  ) {
    self.name = name
    self.ifindex = ifindex
    self.altNames = altNames
    self.otherNetdevs = otherNetdevs
    self.pci = pci
    self.id = id
    self.vfID = vfID
    self.mac = mac
    self.permanentMAC = permanentMAC
    self.driver = driver
    self.numaNode = numaNode
    self.iommuGroup = iommuGroup
    self.carrier = carrier
    self.bond = bond
    self.speed = speed
    self.mtu = mtu
    self.numVFs = numVFs
    self.totalVFs = totalVFs
    self.autoprobe = autoprobe
    self.eswitchMode = eswitchMode
    self.unsupported = unsupported
  }
}

extension PF {
  /// By which the card can be told from others.
  public var ownMAC: MACAddress? { permanentMAC ?? mac }
}

/// Where a VF is on its card: `enp1s0/3`.
public struct VFIndex: Hashable, Sendable, Codable, CustomStringConvertible {
  /// The PF's netdev name.
  public var pf: String
  public var index: Int

  public init(pf: String, index: Int) {
    self.pf = pf
    self.index = index
  }

  public var description: String { "\(pf)/\(index)" }
}

/// A virtual function, as the kernel shows it now.
public struct VF: Hashable, Sendable {
  public var id: VFIndex
  /// Nil for a VF that isn't on PCI (netdevsim).
  public var pci: PCIAddress?
  /// The netdev of the VF in this network namespace; a VF on vfio-pci or without a driver has none.
  public var netdev: String?
  /// The kernel's interface index of the netdev.
  public var ifindex: Int32?
  public var driver: String?
  public var numaNode: Int?
  public var iommuGroup: IOMMUGroup?
  public var mtu: Int?
  /// What the PF reports; nil when netlink's answer didn't hold this VF.
  public var state: VFState?
  /// Nil unless they were asked for.
  public var counters: VFCounters?
  /// Why this VF is the host's own, in words (“has address 192.0.2.1”); nil = it isn't.
  public var hostUse: String?
  /// The netdev that stands for the VF on the host, on a card in switchdev mode.
  public var representor: String?

  public init(
    id: VFIndex, pci: PCIAddress? = nil, netdev: String? = nil, ifindex: Int32? = nil, driver: String? = nil,
    numaNode: Int? = nil, iommuGroup: IOMMUGroup? = nil, mtu: Int? = nil, state: VFState? = nil,
    hostUse: String? = nil, representor: String? = nil
  ) {
    self.id = id
    self.pci = pci
    self.netdev = netdev
    self.ifindex = ifindex
    self.driver = driver
    self.numaNode = numaNode
    self.iommuGroup = iommuGroup
    self.mtu = mtu
    self.state = state
    self.hostUse = hostUse
    self.representor = representor
  }
}

/// Every PF and VF of the host at one moment.
public struct HostInventory: Hashable, Sendable {
  /// Ordered by PCI address, those without one last, by name.
  public var pfs: [PF]
  /// Ordered by PF as in `pfs`, then by index.
  public var vfs: [VF]
  /// The CPUs of each NUMA node of the host.
  public var numaNodes: [Int: Set<Int>]
  /// What could not be read, in words; the rest is whole.
  public var problems: [String]
  /// Where in `vfs` each VF was when the inventory was made.
  private let places: [PCIAddress: Int]

  public init(pfs: [PF] = [], vfs: [VF] = [], numaNodes: [Int: Set<Int>] = [:], problems: [String] = []) {
    self.pfs = pfs
    self.vfs = vfs
    self.numaNodes = numaNodes
    self.problems = problems
    places = Dictionary(
      vfs.indices.compactMap { place in vfs[place].pci.map { ($0, place) } }, uniquingKeysWith: { a, _ in a })
  }

  public static func == (a: HostInventory, b: HostInventory) -> Bool {
    a.pfs == b.pfs && a.vfs == b.vfs && a.numaNodes == b.numaNodes && a.problems == b.problems
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(pfs)
    hasher.combine(vfs)
    hasher.combine(numaNodes)
    hasher.combine(problems)
  }

  /// A PF by what people type: a name of its netdev, also an alternative one.
  public func pf(named name: String) -> PF? {
    pfs.first { $0.name == name } ?? pfs.first { $0.altNames.contains(name) }
  }
  public func vf(at pci: PCIAddress) -> VF? { place(of: pci).map { vfs[$0] } }
  public func vf(_ id: VFIndex) -> VF? { vfs.first { $0.id == id } }

  /// Where in `vfs` a VF is.
  public func place(of pci: PCIAddress) -> Int? {
    if let place = places[pci], vfs.indices.contains(place), vfs[place].pci == pci { return place }
    return vfs.firstIndex { $0.pci == pci }
  }

  /// A VF by what people type: `enp1s0/3` or `0000:01:10.0`.
  public func vf(named text: String) -> VF? { VFName(text).flatMap(vf) }

  public func vf(_ name: VFName) -> VF? {
    switch name {
    case .address(let pci): vf(at: pci)
    case .place(let place): pf(named: place.pf).flatMap { vf(VFIndex(pf: $0.name, index: place.index)) }
    }
  }

  /// The NUMA nodes that have one of these CPUs.
  public func numaNodes(ofCPUs cpus: Set<Int>) -> Set<Int> {
    Set(numaNodes.filter { !$0.value.isDisjoint(with: cpus) }.keys)
  }

  /// VFs by what people type: as `vf(named:)`, or several of a PF as `enp1s0/0-6` or `enp1s0/*`; nil when one of them
  /// isn't there.
  public func vfs(named text: String) -> [VF]? {
    if let one = vf(named: text) { return [one] }
    guard let slash = text.lastIndex(of: "/"), let pf = pf(named: String(text[..<slash])) else { return nil }
    let mine = vfs.filter { $0.id.pf == pf.name }
    let range = text[text.index(after: slash)...]
    if range == "*" { return mine }
    let ends = range.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last else { return nil }
    let named = mine.filter { (first...last).contains($0.id.index) }
    // No arithmetic on what was typed: it may be the greatest number.
    return named.first?.id.index == first && named.last?.id.index == last ? named : nil
  }
}
