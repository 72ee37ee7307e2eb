import Allocator
import PoolModel

/// What placement knows of a pool's VFs that stays the same from start to start: only the pool and the host's inventory
/// go into it.
struct PoolLayout {
  /// The pool for which it was made.
  let pool: Pool
  /// The names of the PFs that have VFs in the pool.
  private(set) var pfs: [String] = []
  /// The pool's VFs in its order, as if nobody had any of them; one that the host lacks is `gone`, one that it uses itself
  /// `hostUsed`.
  private(set) var candidates: [Candidate] = []
  /// The VFs that are kept for guests.
  private(set) var reservations: [PCIAddress: Reservation] = [:]
  /// Where in `candidates` those are.
  private(set) var reservedPlaces: [Int] = []
  /// Where in `candidates` those are that share their IOMMU group with other devices, and which.
  private(set) var grouped: [(place: Int, others: [PCIAddress])] = []

  init(_ pool: Pool, _ inventory: HostInventory) {
    self.pool = pool
    var numbers: [String: Int] = [:]
    var nodes: [Int?] = []
    candidates.reserveCapacity(pool.addresses.count)
    for (place, vf) in pool.addresses.enumerated() {
      guard let found = inventory.place(of: vf) else {
        candidates.append(Candidate(vf: vf, pf: nil, standing: .gone))
        continue
      }
      let name = inventory.vfs[found].id.pf
      let pf = pfs.last == name ? pfs.count - 1 : numbers[name] ?? pfs.count
      if pf == pfs.count {
        pfs.append(name)
        numbers[name] = pf
        nodes.append(inventory.pf(named: name)?.numaNode)
      }
      let group = inventory.vfs[found].iommuGroup
      candidates.append(
        Candidate(
          vf: vf, pf: pf, standing: inventory.vfs[found].hostUse == nil ? .free : .hostUsed,
          numaNode: inventory.vfs[found].numaNode ?? nodes[pf], sharesGroup: group?.blockers.isEmpty == false))
      if let group, !group.others.isEmpty { grouped.append((place, group.others)) }
    }
    guard !pool.reservations.isEmpty else { return }
    for reservation in pool.reservations {
      if let vf = inventory.vf(reservation.vf)?.pci { reservations[vf] = reservation }
    }
    reservedPlaces = candidates.indices.filter { reservations[candidates[$0].vf] != nil }
  }
}
