/// By what a pool finds its PFs (`<vfpool:pf dev= pci= mac= match= driver=/>`). All that is given must be so, and several
/// PFs of a host may be meant.
public struct PFSelector: Hashable, Codable, Sendable {
  /// Any name of the PF's netdev.
  public var dev: String?
  public var pci: PCIAddress?
  /// The MAC that the card came with.
  public var mac: MACAddress?
  /// The PF's own vendor and device, or those of its VFs.
  public var match: PCIID?
  public var driver: String?

  public init(
    dev: String? = nil, pci: PCIAddress? = nil, mac: MACAddress? = nil, match: PCIID? = nil, driver: String? = nil
  ) {
    self.dev = dev
    self.pci = pci
    self.mac = mac
    self.match = match
    self.driver = driver
  }

  /// Whether it is nothing but a name.
  public var isName: Bool { self == PFSelector(dev: dev) && dev != nil }

  func means(_ pf: PF) -> Bool {
    if let pci, pci != pf.pci { return false }
    if let mac, mac != pf.ownMAC { return false }
    if let match, match != pf.id, match != pf.vfID { return false }
    if let driver, driver != pf.driver { return false }
    return true
  }

  /// Whether a count that was saved is of a PF that it means, told without the PF.
  public func means(_ saved: OwnVFCount) -> Bool {
    guard dev != nil || pci != nil || mac != nil else { return false }
    return (dev ?? saved.name) == saved.name && (pci ?? saved.pci) == saved.pci && (mac ?? saved.mac) == saved.mac
  }
}

extension PFSelector: CustomStringConvertible {
  /// `enp1s0`; what isn't only a name as it is written: `match="8086:10ca" driver="igb"`.
  public var description: String {
    if isName, let dev { return dev }
    let parts: [(String, String?)] = [
      ("dev", dev), ("pci", pci.map { "\($0)" }), ("mac", mac.map { "\($0)" }), ("match", match.map { "\($0)" }),
      ("driver", driver),
    ]
    return parts.compactMap { name, value in value.map { "\(name)=\"\($0)\"" } }.joined(separator: " ")
  }
}

extension HostInventory {
  /// The PFs that a selector means, in their order.
  public func pfs(_ selector: PFSelector) -> [PF] {
    if selector == PFSelector() { return [] }
    let named = selector.dev.map { name in pf(named: name).map { [$0] } ?? [] }
    return (named ?? pfs).filter(selector.means)
  }

  /// The PFs of a pool in its order, each with what the pool wants of it.
  public func pfs(of pool: Pool) -> [(pf: PF, wanted: PoolPF)] {
    pool.pfs.flatMap { wanted in pfs(wanted.selector).map { ($0, wanted) } }
  }
}
