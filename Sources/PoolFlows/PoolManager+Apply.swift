import Allocator
import LibvirtXML
import Logging
import PoolModel

/// A pool's life as its admin sees it: apply, enforce, start, stop, remove.
extension PoolManager {
  // MARK: apply

  /// Makes a pool be what its netdef says. Everything that can be refused is refused before anything changes; what fails
  /// later is undone.
  public func apply(netdef xml: String, plan: Bool, ifPlan token: String? = nil) async throws -> Plan {
    try await alone { try await self.applyNow(xml, plan: plan, ifPlan: token) }
  }

  private func applyNow(_ xml: String, plan: Bool, ifPlan token: String?) async throws -> Plan {
    let netdef: Netdef
    do { netdef = try Netdef(xml: xml) } catch { throw FlowError(.invalid, "\(error)") }
    try needLibvirt()
    try await readInventory()
    let live = try await networks.hostdevNetworks()
    let name = netdef.pool.name
    let network = live.first { $0.name == name }
    if network == nil, try await networks.networkNames().contains(name) {
      throw FlowError(
        .invalid,
        "\(at(netdef.line(of: .name)))network \(name) exists in libvirt and isn't a hostdev network; choose another name"
      )
    }
    let known = contents.pools[name]
    let pool = claimingCounts(netdef.pool, known)
    let counts = try checkPFs(netdef, pool, await countWriters(of: pool))
    try checkOverlap(netdef, pool, counts, live)
    try checkReservations(netdef, pool, counts)
    let changes = changes(netdef, pool, counts, network, known)
    let restarts = mustRestart(pool, counts, network, known, changes)
    var result = applySteps(pool, xml, counts, network, known, changes, restarts: restarts)
    try result.check(token)
    guard !plan, !result.steps.isEmpty else { return result }
    let blocked = changes.filter(\.isBlocked)
    guard blocked.isEmpty else {
      throw FlowError(
        .refused,
        "pool \(name) can't be changed so while guests have these VFs; stop them, then apply it again:\n  "
          + blocked.map { "\($0)" }.joined(separator: "\n  "))
    }
    try await perform(netdef, pool, xml, counts, network, known, restarts: restarts)
    result.done = true
    return result
  }

  private func at(_ line: Int?) -> String { line.map { "line \($0): " } ?? "" }

  func needLibvirt() throws(FlowError) {
    if !isConnected {
      throw FlowError(.unavailable, "not connected to libvirt; is it running? (`systemctl status libvirtd`)")
    }
  }

  /// The count that each PF of the netdef will have, and whether it must be set.
  private struct WantedCount: Hashable {
    var pf: PF
    /// What of the netdef means the PF.
    var wanted: PoolPF
    var count: Int
    var mustSet: Bool
    /// Nobody else sets it.
    var owned: Bool
    /// What else sets it.
    var writers: [String]
  }

  /// A PF without VFs has a count that is nobody's: a pool on it that names none takes all that the card offers, and the
  /// count is vfpool's from then on.
  private func claimingCounts(_ pool: Pool, _ known: Pool?) -> Pool {
    let owned = known.map { inventory.pfs(of: $0) } ?? []
    var pool = pool
    for place in pool.pfs.indices where pool.pfs[place].vfs == nil {
      let mine = inventory.pfs(pool.pfs[place].selector)
      let counts = owned.filter { $0.wanted.vfs != nil && mine.map(\.name).contains($0.pf.name) }
      if let count = counts.first?.wanted.vfs {
        pool.pfs[place].vfs = count
      } else if let total = mine.map(\.totalVFs).min(), total > 0, mine.allSatisfy({ $0.numVFs == 0 }) {
        pool.pfs[place].vfs = total
      }
    }
    return pool
  }

  /// By the name of each PF whose count the pool wants to own.
  private func countWriters(of pool: Pool) async -> [String: [String]] {
    var found: [String: [String]] = [:]
    for (pf, wanted) in inventory.pfs(of: pool) where wanted.vfs != nil { found[pf.name] = await countWriters(of: pf) }
    return found
  }

  private func checkPFs(_ netdef: Netdef, _ pool: Pool, _ writers: [String: [String]]) throws -> [WantedCount] {
    var seen: [String: PFSelector] = [:]
    for wanted in pool.pfs where inventory.pfs(wanted.selector).isEmpty {
      throw FlowError(
        .invalid,
        "\(at(netdef.line(of: .pf(wanted.selector))))no PF \(wanted.selector) on this host; it has \(selectableCards)")
    }
    return try inventory.pfs(of: pool).map { pf, wanted in
      let line = at(netdef.line(of: .pf(wanted.selector)))
      if let earlier = seen.updateValue(wanted.selector, forKey: pf.name) {
        throw FlowError(.invalid, "\(line)\(earlier) and \(wanted.selector) are the same PF")
      }
      if let why = pf.unsupported { throw FlowError(.invalid, "\(line)PF \(pf.name) can't serve a pool: \(why)") }
      guard pf.pci != nil else { throw FlowError(.invalid, "\(line)PF \(pf.name) is not a PCI device") }
      let count = wanted.vfs ?? pf.numVFs
      if count > pf.totalVFs {
        throw FlowError(.invalid, "\(line)PF \(pf.name) can have at most \(pf.totalVFs) VFs, not \(count)")
      }
      if count == 0 {
        let way =
          pf.totalVFs > 0 ? "has no VFs; say how many with vfs=" : "offers no VFs; is SR-IOV on in the firmware?"
        throw FlowError(.invalid, "\(line)PF \(pf.name) \(way)")
      }
      if let range = wanted.range, range.upperBound >= count {
        throw FlowError(
          .invalid, "\(line)range \(range.lowerBound)-\(range.upperBound) is beyond the \(count) VFs of PF \(pf.name)")
      }
      let writers = writers[pf.name] ?? []
      if count != pf.numVFs, !writers.isEmpty {
        throw FlowError(
          .refused,
          "\(line)PF \(pf.name) has \(pf.numVFs) VFs, not \(count), and how many is set elsewhere; change it there, or take "
            + "it out there:\n  " + writers.joined(separator: "\n  "))
      }
      if count != pf.numVFs, pf.numVFs != 0 {
        try checkRecount(pf, to: count, for: pool.name, line)
      }
      return WantedCount(
        pf: pf, wanted: wanted, count: count, mustSet: count != pf.numVFs, owned: wanted.vfs != nil && writers.isEmpty,
        writers: writers
      )
    }
  }

  /// Another count means that all VFs of the PF go first: only when nobody has or counts on one.
  private func checkRecount(_ pf: PF, to count: Int, for own: String, _ line: String) throws {
    let vfs = inventory.vfs.filter { $0.id.pf == pf.name }
    for vf in vfs {
      // Which guests are in the way is for the plan to tell.
      if let pci = vf.pci, lease(holding: pci) != nil { continue }
      try refuseInUse(vf, line)
    }
    if let other = contents.pools.values.first(where: { pool in
      pool.name != own && pool.addresses.contains { address in vfs.contains { $0.pci == address } }
    }) {
      throw FlowError(
        .refused, "\(line)PF \(pf.name) has \(pf.numVFs) VFs, on which pool \(other.name) counts; two pools must agree")
    }
  }

  private func checkOverlap(
    _ netdef: Netdef, _ pool: Pool, _ counts: [WantedCount], _ live: [NetworkFacts]
  ) throws {
    let mine = indexes(of: pool, counts)
    let listed = Set(pool.pfs.isEmpty ? pool.addresses : [])
    for address in pool.addresses where pool.pfs.isEmpty {
      let line = at(netdef.line(of: .address(address)))
      guard let vf = inventory.vf(at: address) else {
        throw FlowError(.invalid, "\(line)no VF \(address) on this host")
      }
      if let why = inventory.pf(named: vf.id.pf)?.unsupported {
        throw FlowError(.invalid, "\(line)PF \(vf.id.pf) of VF \(address) can't serve a pool: \(why)")
      }
    }
    var others = contents.pools.filter { $0.key != pool.name }
    for network in live where network.name != pool.name && others[network.name] == nil {
      others[network.name] = try? Netdef(libvirtXML: network.xml).pool
    }
    for other in others.values.sorted(by: { $0.name < $1.name }) {
      let addresses = other.addresses.isEmpty ? self.addresses(of: other) : other.addresses
      for address in addresses {
        let id = inventory.vf(at: address)?.id
        guard listed.contains(address) || id.map(mine.contains) == true else { continue }
        let line =
          netdef.line(of: .address(address))
          ?? counts.first { $0.pf.name == id?.pf }.flatMap { netdef.line(of: .pf($0.wanted.selector)) }
          ?? netdef.line(of: .forward)
        throw FlowError(
          .refused, "\(at(line))overlaps pool \(other.name): both have \(id.map { "\($0) " } ?? "")\(address)")
      }
      for (pf, theirs) in inventory.pfs(of: other) {
        if let count = counts.first(where: { $0.pf.name == pf.name && $0.owned }), let vfs = theirs.vfs,
          vfs != count.count
        {
          throw FlowError(
            .invalid,
            "\(at(netdef.line(of: .pf(count.wanted.selector))))pool \(other.name) wants \(vfs) VFs on \(pf.name), this one "
              + "\(count.count): two pools must agree")
        }
      }
    }
  }

  /// Where the VFs of a pool's PFs will be.
  private func indexes(of pool: Pool, _ counts: [WantedCount]) -> Set<VFIndex> {
    if pool.pfs.isEmpty { return Set(pool.addresses.compactMap { inventory.vf(at: $0)?.id }) }
    return Set(
      counts.flatMap { known -> [VFIndex] in
        let range = known.wanted.range.map { $0.lowerBound..<($0.upperBound + 1) } ?? 0..<known.count
        return range.map { VFIndex(pf: known.pf.name, index: $0) }
      })
  }

  /// Each reserved VF must be the pool's, and reserved once.
  private func checkReservations(_ netdef: Netdef, _ pool: Pool, _ counts: [WantedCount]) throws {
    let mine = indexes(of: pool, counts)
    var seen: [VFIndex: Reservation] = [:]
    for reservation in pool.reservations {
      let line = at(netdef.line(of: .reservation(reservation.vf)))
      let place: VFIndex? =
        switch reservation.vf {
        case .address(let pci): inventory.vf(at: pci)?.id
        case .place(let place): VFIndex(pf: inventory.pf(named: place.pf)?.name ?? place.pf, index: place.index)
        }
      guard let place else {
        throw FlowError(
          .invalid,
          "\(line)VF \(reservation.vf), reserved for guest \(reservation.guest), is not on this host; while its PF has no "
            + "VFs yet, write it as PF/INDEX")
      }
      guard mine.contains(place) else {
        throw FlowError(
          .invalid,
          "\(line)VF \(reservation.vf), reserved for guest \(reservation.guest), is not in the pool; it has "
            + mine.words)
      }
      if let other = seen.updateValue(reservation, forKey: place) {
        throw FlowError(
          .invalid,
          "\(line)VF \(reservation.vf) is reserved twice, for \(other.guest) and for \(reservation.guest); keep one")
      }
    }
  }

  /// The VFs of a pool in its policy's order, from what the host has now.
  func addresses(of pool: Pool) -> [PCIAddress] {
    guard !pool.pfs.isEmpty else { return pool.addresses }
    let byPF = inventory.pfs(of: pool).map { pf, wanted in vfs(of: pf, wanted) }
    return listOrder(byPF, policy: pool.placement.policy)
  }

  /// What the netdef makes other of a pool that there is.
  private func changes(
    _ netdef: Netdef, _ pool: Pool, _ counts: [WantedCount], _ network: NetworkFacts?, _ known: Pool?
  ) -> [PoolChange] {
    guard let network, let known else { return [] }
    let before = storedNetdef(of: known) ?? (try? Netdef(libvirtXML: network.inactiveXML ?? network.xml))
    let old = PoolShape(
      pool: known, vfs: Set(known.addresses.compactMap { inventory.vf(at: $0)?.id }),
      counts: Dictionary(counts.map { ($0.pf.name, $0.pf.numVFs) }, uniquingKeysWith: { a, _ in a }),
      managed: before?.managed ?? false, driver: before?.driver, others: before?.others ?? [:])
    let new = PoolShape(
      pool: pool, vfs: indexes(of: pool, counts),
      counts: Dictionary(counts.map { ($0.pf.name, $0.count) }, uniquingKeysWith: { a, _ in a }),
      managed: netdef.managed, driver: netdef.driver, others: netdef.others)
    let holders = contents.leases.values.filter(\.state.holdsVF).sorted { $0.id < $1.id }
      .map { lease in
        VFHolder(
          guest: lease.guest.name, pool: lease.pool, portgroup: lease.portgroup,
          vf: lease.vf.flatMap { inventory.vf(at: $0)?.id } ?? lease.vfIndex)
      }
    return new.changes(from: old, holders: holders)
  }

  /// Whether libvirt has to read the network's definition anew. Another order of its list is no reason while guests have
  /// VFs of it: holds make the choice libvirt's as well.
  private func mustRestart(
    _ pool: Pool, _ counts: [WantedCount], _ network: NetworkFacts?, _ known: Pool?, _ changes: [PoolChange]
  ) -> Bool {
    guard let network, network.active, let known else { return false }
    if changes.contains(where: \.restartsNetwork) { return true }
    guard holders(of: pool.name).isEmpty else { return false }
    return counts.contains(where: \.mustSet) || addresses(of: pool) != known.addresses
  }

  private func applySteps(
    _ pool: Pool, _ xml: String, _ counts: [WantedCount], _ network: NetworkFacts?, _ known: Pool?,
    _ changes: [PoolChange], restarts: Bool
  ) -> Plan {
    let name = pool.name
    var plan = Plan(changes: changes)
    for wanted in pool.pfs where !wanted.selector.isName {
      plan.notes.append(
        "\(wanted.selector) selects \(inventory.pfs(wanted.selector).map(\.name).joined(separator: ", "))")
    }
    for count in counts where count.mustSet {
      plan.steps.append("create \(count.count) VFs on PF \(count.pf.name) (it has \(count.pf.numVFs))")
    }
    for count in counts {
      plan.notes += count.writers.map { "how many VFs PF \(count.pf.name) has stays with what else sets it: \($0)" }
    }
    if known == nil { plan.steps.append("record pool \(name)") }
    if let known, known.mode == .observe { plan.steps.append("enforce pool \(name), which was only observed") }
    let vfs = counts.contains(where: \.mustSet) ? [] : addresses(of: pool)
    let fresh = vfs.count { newBaseline(of: $0) != nil }
    if counts.contains(where: \.mustSet) {
      plan.steps.append("record the baselines of the new VFs")
    } else if fresh > 0 {
      plan.steps.append("record the baselines of \(fresh) VFs")
    }
    if let network {
      let changed = known.map { contents.netdefs[$0.name] != xml } ?? true
      if changed || restarts || known?.mode == .observe { plan.steps.append("redefine network \(name)") }
      if !network.autostart { plan.steps.append("autostart network \(name)") }
      if !network.active { plan.steps.append("start network \(name)") }
      if restarts {
        plan.steps.append("restart network \(name)")
        let guests = Set(holders(of: name).map(\.guest.name))
        if !guests.isEmpty {
          plan.notes.append(
            "guests \(guests.sorted().joined(separator: ", ")) keep their VFs: they are claimed again in the same breath"
          )
        }
      }
      if let uuid = pool.uuid, uuid != network.uuid {
        plan.notes.append("network \(name) keeps its UUID \(network.uuid)")
      }
    } else {
      plan.steps += ["define network \(name)", "autostart network \(name)", "start network \(name)"]
    }
    plan.disruptedGuests = Set(changes.filter(\.isBlocked).flatMap(\.guests)).sorted()
    if !plan.disruptedGuests.isEmpty {
      plan.notes.insert("refused as it is: stop \(plan.disruptedGuests.joined(separator: ", ")) first", at: 0)
    }
    return plan
  }

  private func perform(
    _ netdef: Netdef, _ wanted: Pool, _ xml: String, _ counts: [WantedCount], _ network: NetworkFacts?, _ known: Pool?,
    restarts: Bool
  ) async throws {
    let name = wanted.name
    var pool = wanted
    pool.uuid = network?.uuid
    let earlierNetdef = contents.netdefs[name] ?? ""
    // What to undo is durable before the first VF is made. Else a known pool stays as it is, for the starts that go on
    // meanwhile, and its netdef too: whoever applies it again after a crash must not be told that it is done.
    var early = known ?? pool
    (early.mode, early.pfs, early.uuid) = (pool.mode, pool.pfs, pool.uuid)
    try await commit([.savePool(early, netdef: known == nil && network == nil ? xml : earlierNetdef)])
    var created: [WantedCount] = []
    var defined = false
    do {
      try await saveOwnCounts()
      for count in counts where count.mustSet {
        log.notice("pool \(name): creating \(count.count) VFs on \(count.pf.name)")
        created.append(count)
        try await links.setVFCount(count.count, pf: count.pf.name)
      }
      try await readInventory()
      pool.addresses = addresses(of: pool)
      try await recordBaselines(pool)
      // Also when only its answer is lost.
      defined = network == nil
      pool.uuid = try await networks.define(
        xml: netdef.xml(uuid: network?.uuid, addresses: netdef.fillsAddresses ? pool.addresses : nil))
      try await networks.setAutostart(true, network: name)
      if network?.active == true {
        if restarts {
          let isDone = try await restartNetwork(of: name, listing: pool.addresses, patience: turnLimit)
          if !isDone { throw FlowError(.refused, "guests are being started in it all the time; apply it again later") }
        } else {
          // libvirt goes on with the list that it has, in another order at most.
          pool.addresses = known?.addresses ?? pool.addresses
        }
      } else {
        try await networks.start(network: name)
      }
      // What an admin set by hand is the pool's from now on.
      let taken = counts.filter(\.owned).compactMap(\.pf.pci).filter { contents.counts[$0] != nil }
      try await commit(
        [.savePool(pool, netdef: xml)] + taken.map { .forgetCount($0) } + idleBaselines(besides: name, pool.addresses))
    } catch {
      log.error("pool \(name) could not be applied, undoing: \(error)")
      do {
        try await undo(name, created: created, defined: defined, network, known: known, netdef: earlierNetdef)
      } catch let failure {
        throw FlowError(
          .failed,
          "pool \(name) could not be applied: \(error); and it could not be undone: \(failure); apply it again, or remove it"
        )
      }
      throw FlowError(
        (error as? FlowError)?.code ?? .failed,
        "pool \(name) could not be applied, and what was done is undone: \(error)")
    }
    problems["pool \(name)"] = nil
    await rereadNetworks()
    reconcileSoon()
  }

  private func undo(
    _ name: String, created: [WantedCount], defined: Bool, _ network: NetworkFacts?, known: Pool?, netdef: String
  ) async throws {
    defer { reconcileSoon() }
    // While libvirt has the pool, the ledger and the card must have it, too.
    let now = try await networks.hostdevNetworks().first { $0.name == name }
    if let network {
      _ = try await networks.define(xml: network.inactiveXML ?? network.xml)
      try await networks.setAutostart(network.autostart, network: name)
      if contents.pools[name]?.unfinished == .restart {
        try await bringBack(network: name, isActive: now?.active == true)
      } else if network.active, now?.active != true {
        try await networks.start(network: name)
      }
    } else if defined, let now {
      if now.active { try await networks.stop(network: name) }
      try await networks.undefine(network: name)
    }
    for count in created { try? await links.setVFCount(count.pf.numVFs, pf: count.pf.name) }
    let change = known.map { LedgerChange.savePool($0, netdef: netdef) } ?? .removePool(name)
    await refreshInventory()
    do { try await commit([change] + idleBaselines(besides: name, known?.addresses ?? [])) } catch {
      log.error("undoing pool \(name): \(error)")
    }
    try? await saveOwnCounts()
    await rereadNetworks()
  }

  /// What else sets a PF's VF count. What can't be looked at doesn't speak against us.
  func countWriters(of pf: PF) async -> [String] { (try? await links.countWriters(of: pf)) ?? [] }

  /// The counts that admins set and those that pools own, for the next boot.
  func saveOwnCounts() async throws {
    let counts = try await savedCounts()
    if counts.differ { try await links.saveOwnCounts(counts.own) }
    await noticeCountWriters(counts.own)
  }

  /// The counts that are ours, and whether others are saved. Those of cards that aren't here now stay as they were saved.
  func savedCounts() async throws -> (own: [OwnVFCount], differ: Bool) {
    let saved = try await links.savedCounts()
    let own = ownCounts(saved)
    return (own, Set(own) != Set(saved))
  }

  /// The counts that admins set and those that pools own, by address of the card; of cards that aren't here now those that
  /// are among `saved`.
  func ownCounts(_ saved: [OwnVFCount] = []) -> [OwnVFCount] {
    var own = contents.counts
    for pool in contents.pools.values where pool.mode == .enforce {
      for wanted in pool.pfs {
        guard let vfs = wanted.vfs else { continue }
        let found = inventory.pfs(wanted.selector)
        for pf in found {
          if let pci = pf.pci { own[pci] = OwnVFCount(pci: pci, mac: pf.ownMAC, name: pf.name, count: vfs) }
        }
        if found.isEmpty, let earlier = saved.first(where: wanted.selector.means) {
          own[earlier.pci] = own[earlier.pci] ?? earlier
        }
      }
    }
    return own.values.sorted { $0.pci < $1.pci }
  }

  /// Tells of counts that are ours and that something else sets, too: they are left to that. `counts`: those that were
  /// saved; nil = they are read.
  func noticeCountWriters(_ counts: [OwnVFCount]? = nil) async {
    var saved = counts ?? []
    if counts == nil { saved = (try? await links.savedCounts()) ?? [] }
    var found: [String: String] = [:]
    for pf in inventory.pfs {
      guard let count = saved.first(where: { $0.pci == pf.pci }) else { continue }
      let writers = await countWriters(of: pf)
      if writers.isEmpty { continue }
      found["count \(pf.name)"] =
        "how many VFs PF \(pf.name) has is also set elsewhere, and is left to that; vfpool wanted \(count.count): "
        + writers.joined(separator: "; ")
    }
    for key in problems.keys where key.hasPrefix("count ") { problems[key] = nil }
    problems.merge(found) { _, new in new }
  }

  /// Baselines of the pool's VFs that have none and that nobody has.
  func recordBaselines(_ pool: Pool) async throws {
    let changes = pool.addresses.compactMap { vf in
      newBaseline(of: vf).map { LedgerChange.saveBaseline(Baseline(vf: vf, state: $0, taken: now())) }
    }
    if !changes.isEmpty { try await commit(changes) }
  }

  /// Nil also for a VF on vfio: a guest may have it by its address, and what it is then isn't the host's.
  private func newBaseline(of vf: PCIAddress) -> VFState? {
    guard contents.baselines[vf] == nil, !contents.isLeased(vf), !ports.isClaimed(vf),
      let found = inventory.vf(at: vf), found.driver != "vfio-pci"
    else { return nil }
    return found.state
  }

  /// Forgets what VFs were that no pool of ours will have once one lists only `vfs`: an admin may do with them what he
  /// likes, and what they are then is what they shall be when they come back.
  private func idleBaselines(besides name: String, _ vfs: [PCIAddress]) -> [LedgerChange] {
    let others = contents.pools.values.filter { $0.name != name && $0.mode == .enforce }
    let pooled = Set(others.flatMap(\.addresses) + vfs)
    let guestMACs = guestMACs()
    return contents.baselines.values.filter { baseline in
      let vf = baseline.vf
      guard !pooled.contains(vf), contents.quarantines[vf] == nil, !contents.isLeased(vf) else { return false }
      // Else what a guest has left on it would be its baseline one day.
      return inventory.vf(at: vf)?.state.map { dirt(on: $0, baseline.state, guestMACs: guestMACs).isEmpty } ?? true
    }.map { .forgetBaseline($0.vf) }
  }

  // MARK: enforce, start, stop, remove

  func pool(named name: String) throws(FlowError) -> Pool {
    guard let pool = contents.pools[name] else {
      let known = contents.pools.keys.sorted().joined(separator: ", ")
      throw FlowError(.notFound, "no pool \(name); there are: \(known.isEmpty ? "none" : known)")
    }
    return pool
  }

  /// Makes an observed pool ours. No running guest's VF is touched.
  public func enforce(pool name: String, plan: Bool, ifPlan token: String? = nil) async throws -> Plan {
    try await alone { try await self.enforceNow(name, plan: plan, ifPlan: token) }
  }

  private func enforceNow(_ name: String, plan: Bool, ifPlan token: String?) async throws -> Plan {
    var pool = try pool(named: name)
    try needLibvirt()
    try await readInventory()
    guard pool.mode == .observe else {
      // What an enforce that broke off has left.
      if !plan {
        try await recordBaselines(pool)
        try await saveOwnCounts()
      }
      return Plan(notes: ["pool \(name) is enforced already"])
    }
    let free = zip(pool.addresses, standings(of: pool.addresses)).filter { $0.1 == .free }.count
    let leased = holders(of: name)
    var result = Plan(steps: ["enforce pool \(name)", "record the baselines of \(free) free VFs"])
    if !leased.isEmpty {
      let names = Set(leased.map(\.guest.name)).sorted().joined(separator: ", ")
      result.notes.append(
        "guests \(names) keep their VFs as they are; the pool's settings reach them at their next start")
    }
    try result.check(token)
    if plan { return result }
    pool.mode = .enforce
    try await commit([.savePool(pool, netdef: contents.netdefs[name] ?? "")])
    try await recordBaselines(pool)
    try await saveOwnCounts()
    reconcileSoon()
    result.done = true
    return result
  }

  public func startPool(_ name: String) async throws -> Plan {
    try await alone { try await self.startNow(name) }
  }

  private func startNow(_ name: String) async throws -> Plan {
    _ = try pool(named: name)
    try needLibvirt()
    await rereadNetworks()
    if facts[name]?.active == true { return Plan(notes: ["network \(name) is active already"]) }
    try await networks.start(network: name)
    await rereadNetworks()
    reconcileSoon()
    return Plan(steps: ["start network \(name)"], done: true)
  }

  /// Stops the network; refused while a guest has a VF of it, since libvirt would forget who.
  public func stopPool(_ name: String) async throws -> Plan {
    try await alone { try await self.stopNow(name) }
  }

  private func stopNow(_ name: String) async throws -> Plan {
    _ = try pool(named: name)
    try needLibvirt()
    await rereadNetworks()
    if facts[name]?.active == false { return Plan(notes: ["network \(name) is stopped already"]) }
    try refuseWhileLeased(name, to: "stop")
    await dropHolds(of: nil, in: name)
    try refuseWhileLeased(name, to: "stop")
    try await networks.stop(network: name)
    await rereadNetworks()
    reconcileSoon()
    return Plan(steps: ["stop network \(name)"], done: true)
  }

  private func refuseWhileLeased(_ name: String, to verb: String) throws(FlowError) {
    let holders = Set(holders(of: name).map(\.guest.name))
    if !holders.isEmpty {
      throw FlowError(
        .refused,
        "pool \(name) has leases of \(holders.sorted().joined(separator: ", ")); stop these guests, then \(verb) it")
    }
  }

  /// Undefines the network and forgets the pool. The VFs stay on the card.
  public func removePool(_ name: String, plan: Bool, ifPlan token: String? = nil) async throws -> Plan {
    try await alone { try await self.removeNow(name, plan: plan, ifPlan: token) }
  }

  private func removeNow(_ name: String, plan: Bool, ifPlan token: String?) async throws -> Plan {
    let pool = try pool(named: name)
    try needLibvirt()
    guard pool.mode == .enforce else {
      throw FlowError(
        .refused, "pool \(name) is only observed: it goes when its network does (`virsh net-undefine \(name)`)")
    }
    try refuseWhileLeased(name, to: "remove")
    let network = try await networks.hostdevNetworks().first { $0.name == name }
    var result = Plan()
    if network?.active == true { result.steps.append("stop network \(name)") }
    if network?.persistent == true { result.steps.append("undefine network \(name)") }
    result.steps.append("forget pool \(name)")
    for (pf, wanted) in inventory.pfs(of: pool) where wanted.vfs != nil {
      result.notes.append(
        "the VFs of \(pf.name) stay until the next boot; `vfpool pf set-vfs \(pf.name) 0` removes them now")
    }
    try result.check(token)
    if plan { return result }
    try refuseWhileLeased(name, to: "remove")
    for hold in contents.holds.values where hold.pool == name {
      try? await networks.drop(port: hold.port, in: name)
      forgetPort(hold.port)
      try await commit([.dropHold(port: hold.port)])
    }
    try refuseWhileLeased(name, to: "remove")
    if network?.active == true { try await networks.stop(network: name) }
    if network?.persistent == true { try await networks.undefine(network: name) }
    await refreshInventory()
    try await commit(
      contents.leases.values.filter { $0.pool == name }.map(\.id).sorted().flatMap { ending($0, by: .poolRemoved) }
        + [.removePool(name)] + idleBaselines(besides: name, []))
    facts[name] = nil
    problems["pool \(name)"] = nil
    try await saveOwnCounts()
    result.done = true
    return result
  }

  /// Drops every hold, so that libvirt hands out all by itself (`vfpool disable`). Leases go on.
  public func dropAllHolds() async throws -> Plan {
    mayHold = false
    var result = Plan(done: true)
    for hold in contents.holds.values.filter({ !$0.isTrial }).sorted(by: { $0.vf < $1.vf }) {
      try needLibvirt()
      try await dropHold(port: hold.port, in: hold.pool)
      result.steps.append("drop hold on \(hold.vf) in pool \(hold.pool)")
    }
    return result
  }
}
