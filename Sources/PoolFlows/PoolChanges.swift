import PoolModel

/// What of a pool a netdef can change. Each part's rule is a row of the README's table.
enum PoolPart: CaseIterable {
  case vfsAdded, vfsRemoved, vfCount
  case placement, quota, reservations, whenDown, macConflict, mac, outsideChanges, mode
  case settings, vlan, portgroups, forward, others

  var effect: PoolChange.Effect {
    switch self {
    case .vfsRemoved, .vfCount: .guestsStopped
    case .settings, .vlan, .portgroups, .forward: .nextStart
    case .vfsAdded, .placement, .quota, .reservations, .whenDown, .macConflict, .mac, .outsideChanges, .mode, .others:
      .now
    }
  }

  /// libvirt reads these only when the network starts. A live update could change a few of them, and loses count of the
  /// VFs that are taken.
  var restartsNetwork: Bool {
    switch self {
    case .vfsAdded, .vfsRemoved, .vlan, .portgroups, .forward, .others: true
    case .vfCount, .placement, .quota, .reservations, .whenDown, .macConflict, .mac, .outsideChanges, .mode, .settings:
      false
    }
  }
}

/// A pool at one moment, as far as changes of it count.
struct PoolShape {
  var pool: Pool
  var vfs: Set<VFIndex>
  /// How many VFs each of its PFs has.
  var counts: [String: Int] = [:]
  var managed = false
  /// `<driver name=…/>` of `<forward>`.
  var driver: String?
  /// As `Netdef.others`.
  var others: [String: String] = [:]
}

/// A guest's NIC that has a VF.
struct VFHolder {
  var guest: String
  var pool: String
  var portgroup: String?
  var vf: VFIndex?
}

extension PoolShape {
  /// What becomes other than it is in `old`, in the order of the table, and whom of `holders` it is about.
  func changes(from old: PoolShape, holders: [VFHolder]) -> [PoolChange] {
    let mine = holders.filter { $0.pool == pool.name }
    return ofVFs(old, holders, mine) + ofPolicy(old) + ofSettings(old, mine) + ofNetwork(old, mine)
  }

  private func change(_ part: PoolPart, _ what: String, _ holders: [VFHolder] = []) -> PoolChange {
    PoolChange(
      what, part.effect, restartsNetwork: part.restartsNetwork, guests: Set(holders.map(\.guest)).sorted())
  }

  private func ofVFs(_ old: PoolShape, _ all: [VFHolder], _ mine: [VFHolder]) -> [PoolChange] {
    var found: [PoolChange] = []
    let (added, removed) = (vfs.subtracting(old.vfs), old.vfs.subtracting(vfs))
    if !added.isEmpty { found.append(change(.vfsAdded, "VFs \(added.words) join the pool")) }
    if !removed.isEmpty {
      let holders = mine.filter { $0.vf.map(removed.contains) == true }
      let taken = Set(holders.compactMap(\.vf))
      let with = taken.isEmpty ? "" : ", of which guests have \(taken.words)"
      found.append(change(.vfsRemoved, "VFs \(removed.words) leave the pool\(with)", holders))
    }
    for (pf, count) in counts.sorted(by: { $0.key < $1.key }) {
      guard let before = old.counts[pf], before != count, before != 0 else { continue }
      found.append(
        change(
          .vfCount, "PF \(pf) goes from \(before) to \(count) VFs, for which the kernel takes all of them away first",
          all.filter { $0.vf?.pf == pf }))
    }
    return found
  }

  private func ofPolicy(_ old: PoolShape) -> [PoolChange] {
    let (a, b) = (old.pool, pool)
    let parts: [(PoolPart, String, String?, String?)] = [
      (.placement, "placement policy", a.placement.policy.rawValue, b.placement.policy.rawValue),
      (.placement, "placement numa", a.placement.numa.rawValue, b.placement.numa.rawValue),
      (.placement, "placement sticky", yes(a.placement.sticky), yes(b.placement.sticky)),
      (.quota, "quota", a.placement.quota.map { "\($0)" }, b.placement.quota.map { "\($0)" }),
      (.whenDown, "whenDown", a.whenDown.rawValue, b.whenDown.rawValue),
      (.macConflict, "macConflict", a.macConflict.rawValue, b.macConflict.rawValue),
      (.mac, "mac", a.mac.rawValue, b.mac.rawValue),
      (.outsideChanges, "enforce", yes(a.enforcesOutsideChanges), yes(b.enforcesOutsideChanges)),
      (.mode, "mode", a.mode.rawValue, b.mode.rawValue),
    ]
    let gone = a.reservations.filter { !b.reservations.contains($0) }.map {
      "\($0.vf) is no longer kept for \($0.guest)"
    }
    let new = b.reservations.filter { !a.reservations.contains($0) }.map { "\($0.vf) is kept for \($0.guest)" }
    return parts.compactMap { part, name, old, new in difference(name, old, new).map { change(part, $0) } }
      + (gone + new).map { change(.reservations, $0) }
  }

  private func ofSettings(_ old: PoolShape, _ mine: [VFHolder]) -> [PoolChange] {
    let fields: [(String, (VFPolicy) -> String?)] = [
      ("trust", { $0.trust.map(on) }), ("spoofchk", { $0.spoofchk.map(on) }),
      ("linkState", { $0.linkState?.rawValue }), ("minTxRate", { $0.minTxRate.map { "\($0)" } }),
      ("maxTxRate", { $0.maxTxRate.map { "\($0)" } }), ("qos", { $0.qos.map { "\($0)" } }),
      ("vlanProto", { $0.vlanProto?.rawValue }),
    ]
    let groups = Set(pool.portgroupPolicies.keys).union(old.pool.portgroupPolicies.keys).sorted()
    var found: [PoolChange] = []
    for owner in [nil] + groups.map(Optional.some) {
      let own = { (pool: Pool) in owner.map { pool.portgroupPolicies[$0] ?? VFPolicy() } ?? pool.policy }
      for (name, value) in fields {
        guard let words = difference(name, value(own(old.pool)), value(own(pool))) else { continue }
        let reached = mine.filter { holder in
          let group = holder.portgroup
          return (owner == nil || owner == group ?? pool.defaultPortgroup)
            && value(old.pool.policy(portgroup: group)) != value(pool.policy(portgroup: group))
        }
        found.append(change(.settings, owner.map { "portgroup \($0): \(words)" } ?? words, reached))
      }
    }
    return found
  }

  private func ofNetwork(_ old: PoolShape, _ mine: [VFHolder]) -> [PoolChange] {
    var found: [PoolChange] = []
    let isMoved = { (holder: VFHolder) in
      old.pool.vlan(portgroup: holder.portgroup) != pool.vlan(portgroup: holder.portgroup)
    }
    if let words = difference("VLAN", old.pool.vlan?.words, pool.vlan?.words) {
      found.append(change(.vlan, words, mine.filter(isMoved)))
    }
    for group in Set(old.pool.portgroups).union(pool.portgroups).sorted() {
      let isMember = { (holder: VFHolder) in holder.portgroup == group }
      switch (old.pool.portgroups.contains(group), pool.portgroups.contains(group)) {
      case (false, _): found.append(change(.portgroups, "portgroup \(group) is new"))
      case (_, false): found.append(change(.portgroups, "portgroup \(group) goes", mine.filter(isMember)))
      default:
        let words = difference(
          "portgroup \(group): VLAN", old.pool.portgroupVLANs[group]?.words, pool.portgroupVLANs[group]?.words)
        if let words { found.append(change(.vlan, words, mine.filter { isMember($0) && isMoved($0) })) }
      }
    }
    if let words = difference("default portgroup", old.pool.defaultPortgroup, pool.defaultPortgroup) {
      found.append(change(.portgroups, words, mine.filter { $0.portgroup == nil }))
    }
    if let words = difference("managed", yes(old.managed), yes(managed)) { found.append(change(.forward, words, mine)) }
    if let words = difference("driver", old.driver ?? "vfio", driver ?? "vfio") {
      found.append(change(.forward, words, mine))
    }
    let names = Set(old.others.keys).union(others.keys).sorted()
    // A portgroup that comes or goes is told of already.
    for name in names where old.others[name] != others[name] {
      let group = name.hasPrefix("portgroup ") ? String(name.dropFirst("portgroup ".count)) : nil
      if let group, !old.pool.portgroups.contains(group) || !pool.portgroups.contains(group) { continue }
      found.append(change(.others, "\(group == nil ? "<\(name)>" : name) is another"))
    }
    return found
  }
}

/// `quota 2 becomes 3`, or nil.
private func difference(_ name: String, _ old: String?, _ new: String?) -> String? {
  switch (old, new) {
  case (let old?, let new?): old == new ? nil : "\(name) \(old) becomes \(new)"
  case (nil, let new?): "\(name) \(new) is new"
  case (let old?, nil): "\(name) \(old) goes"
  case (nil, nil): nil
  }
}

private func yes(_ value: Bool) -> String { value ? "yes" : "no" }
private func on(_ value: Bool) -> String { value ? "on" : "off" }

extension VLANTag {
  fileprivate var words: String { "\(id)" }
}

extension Set<VFIndex> {
  /// `enp1s0/0-3, enp2s0/0`
  var words: String {
    Dictionary(grouping: self, by: \.pf).sorted { $0.key < $1.key }
      .map { pf, mine in "\(pf)/\(Set<Int>(mine.map(\.index)).list)" }.joined(separator: ", ")
  }
}
