/// Open leases by what they are looked for, so that nobody goes through thousands of them for one.
struct LeaseIndex: Hashable, Sendable {
  private struct Holder: Hashable, Comparable {
    var isOnlyRecorded: Bool
    var id: Int64

    init(_ lease: Lease) {
      isOnlyRecorded = lease.state == .recorded
      id = lease.id
    }

    /// The one that is furthest comes last.
    static func < (a: Holder, b: Holder) -> Bool {
      (a.isOnlyRecorded ? 0 : 1, a.id) < (b.isOnlyRecorded ? 0 : 1, b.id)
    }
  }

  private var holders: [PCIAddress: [Holder]] = [:]
  private var byGuest: [String: Set<Int64>] = [:]
  /// Those that have a VF, or are to get one.
  private var byMAC: [MACAddress: Set<Int64>] = [:]
  /// Recorded starts to which no VF was given, by pool.
  private var unplaced: [String: Set<Int64>] = [:]

  mutating func insert(_ lease: Lease) {
    byGuest[lease.guest.uuid, default: []].insert(lease.id)
    guard lease.state.holdsVF else { return }
    byMAC[lease.mac, default: []].insert(lease.id)
    if let vf = lease.vf {
      holders[vf, default: []].append(Holder(lease))
      holders[vf]?.sort()
    } else {
      unplaced[lease.pool, default: []].insert(lease.id)
    }
  }

  mutating func remove(_ lease: Lease) {
    byGuest[lease.guest.uuid]?.remove(lease.id)
    if byGuest[lease.guest.uuid]?.isEmpty == true { byGuest[lease.guest.uuid] = nil }
    guard lease.state.holdsVF else { return }
    byMAC[lease.mac]?.remove(lease.id)
    if byMAC[lease.mac]?.isEmpty == true { byMAC[lease.mac] = nil }
    if let vf = lease.vf {
      holders[vf]?.removeAll { $0.id == lease.id }
      if holders[vf]?.isEmpty == true { holders[vf] = nil }
    } else {
      unplaced[lease.pool]?.remove(lease.id)
      if unplaced[lease.pool]?.isEmpty == true { unplaced[lease.pool] = nil }
    }
  }

  func holder(of vf: PCIAddress) -> Int64? { holders[vf]?.last?.id }
  func isHeld(_ vf: PCIAddress) -> Bool { holders.index(forKey: vf) != nil }
  func leases(of guestUUID: String) -> [Int64] { byGuest[guestUUID]?.sorted() ?? [] }
  func leases(withMAC mac: MACAddress) -> [Int64] { byMAC[mac]?.sorted() ?? [] }
  var sharedMACs: Set<MACAddress> { Set(byMAC.lazy.filter { $0.value.count > 1 }.map(\.key)) }
  func unplaced(in pool: String) -> Set<Int64> { unplaced[pool] ?? [] }
}
