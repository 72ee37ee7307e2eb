/// A network card's physical function.
public struct PF: Hashable, Sendable {
  /// The netdev's name, `enp1s0`.
  public var name: String
  /// The kernel's interface index of the netdev.
  public var ifindex: Int32
  /// Nil for a PF that isn't on PCI (netdevsim).
  public var pci: PCIAddress?
  public var mac: MACAddress?
  public var driver: String?
  public var numaNode: Int?
  /// Nil when the interface is administratively down, where the kernel knows no carrier.
  public var carrier: Bool?
  public var mtu: Int?
  public var numVFs: Int
  public var totalVFs: Int
  /// Why vfpool can't serve this PF (switchdev mode, InfiniBand), in words; nil = it can.
  public var unsupported: String?

  public init(
    name: String, ifindex: Int32, pci: PCIAddress? = nil, mac: MACAddress? = nil, driver: String? = nil,
    numaNode: Int? = nil, carrier: Bool? = nil, mtu: Int? = nil, numVFs: Int, totalVFs: Int,
    unsupported: String? = nil
  ) {
    self.name = name
    self.ifindex = ifindex
    self.pci = pci
    self.mac = mac
    self.driver = driver
    self.numaNode = numaNode
    self.carrier = carrier
    self.mtu = mtu
    self.numVFs = numVFs
    self.totalVFs = totalVFs
    self.unsupported = unsupported
  }
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
  public var driver: String?
  public var numaNode: Int?
  public var iommuGroup: Int?
  public var mtu: Int?
  /// What the PF reports; nil when netlink's answer didn't hold this VF.
  public var state: VFState?
  /// Nil unless they were asked for.
  public var counters: VFCounters?
  /// Why this VF is the host's own, in words (“has address 192.0.2.1”); nil = it isn't.
  public var hostUse: String?

  public init(
    id: VFIndex, pci: PCIAddress? = nil, netdev: String? = nil, driver: String? = nil, numaNode: Int? = nil,
    iommuGroup: Int? = nil, mtu: Int? = nil, state: VFState? = nil, hostUse: String? = nil
  ) {
    self.id = id
    self.pci = pci
    self.netdev = netdev
    self.driver = driver
    self.numaNode = numaNode
    self.iommuGroup = iommuGroup
    self.mtu = mtu
    self.state = state
    self.hostUse = hostUse
  }
}

/// Every PF and VF of the host at one moment.
public struct HostInventory: Hashable, Sendable {
  /// Ordered by PCI address, those without one last, by name.
  public var pfs: [PF]
  /// Ordered by PF as in `pfs`, then by index.
  public var vfs: [VF]
  /// What could not be read, in words; the rest is whole.
  public var problems: [String]

  public init(pfs: [PF] = [], vfs: [VF] = [], problems: [String] = []) {
    self.pfs = pfs
    self.vfs = vfs
    self.problems = problems
  }

  public func pf(named name: String) -> PF? { pfs.first { $0.name == name } }
  public func vf(at pci: PCIAddress) -> VF? { vfs.first { $0.pci == pci } }
  public func vf(_ id: VFIndex) -> VF? { vfs.first { $0.id == id } }

  /// A VF by what people type: `enp1s0/3` or `0000:01:10.0`.
  public func vf(named text: String) -> VF? {
    if let pci = PCIAddress(text) { return vf(at: pci) }
    guard let slash = text.lastIndex(of: "/"), let index = Int(text[text.index(after: slash)...]) else { return nil }
    return vf(VFIndex(pf: String(text[..<slash]), index: index))
  }

  /// VFs by what people type: as `vf(named:)`, or several of a PF as `enp1s0/0-6` or `enp1s0/*`; nil when one of them
  /// isn't there.
  public func vfs(named text: String) -> [VF]? {
    if let one = vf(named: text) { return [one] }
    guard let slash = text.lastIndex(of: "/"), pf(named: String(text[..<slash])) != nil else { return nil }
    let mine = vfs.filter { $0.id.pf == text[..<slash] }
    let range = text[text.index(after: slash)...]
    if range == "*" { return mine }
    let ends = range.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last else { return nil }
    let named = mine.filter { (first...last).contains($0.id.index) }
    // No arithmetic on what was typed: it may be the greatest number.
    return named.first?.id.index == first && named.last?.id.index == last ? named : nil
  }
}
