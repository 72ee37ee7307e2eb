import PoolModel

/// Who has VFs, as known at one moment: placement asks it of thousands at once.
struct VFClaims {
  private let contents: LedgerContents
  private let ports: PortTable
  private let foreignUses: [PCIAddress: String]
  /// The VFs with a standing hold.
  private let parked: Set<PCIAddress>

  init(contents: LedgerContents, ports: PortTable, foreignUses: [PCIAddress: String]) {
    self.contents = contents
    self.ports = ports
    self.foreignUses = foreignUses
    parked = Set(contents.holds.values.lazy.filter { $0.guest == nil }.map(\.vf))
  }

  /// Whether libvirt has a port on the VF.
  func isClaimed(_ vf: PCIAddress) -> Bool { ports.isClaimed(vf) }

  /// Which standing a VF has, together with what the inventory knows of it.
  func standing(of vf: PCIAddress, isThere: Bool, isHostUsed: Bool) -> VFStanding.Kind {
    if contents.isLeased(vf) { return .leased }
    if contents.quarantines[vf] != nil { return .quarantined }
    if ports.hasGuestPort(on: vf) { return .foreign }
    if !isThere { return .gone }
    if isHostUsed || foreignUses[vf] != nil { return .hostUsed }
    return parked.contains(vf) ? .reserved : .free
  }
}
