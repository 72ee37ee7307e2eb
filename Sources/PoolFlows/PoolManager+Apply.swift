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
    await refreshInventory()
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
    let counts = try checkPFs(netdef, pool)
    try checkOverlap(netdef, pool, counts, live)
    var result = applySteps(pool, xml, counts, network, known)
    try result.check(token)
    guard !plan, !result.steps.isEmpty else { return result }
    try await perform(netdef, pool, xml, counts, network, known)
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
    var count: Int
    var mustSet: Bool
    var owned: Bool
  }

  /// A PF without VFs has a count that is nobody's: a pool on it that names none takes all that the card offers, and the
  /// count is vfpool's from then on.
  private func claimingCounts(_ pool: Pool, _ known: Pool?) -> Pool {
    var pool = pool
    for place in pool.pfs.indices where pool.pfs[place].vfs == nil {
      let dev = pool.pfs[place].dev
      if let owned = known?.pfs.first(where: { $0.dev == dev })?.vfs {
        pool.pfs[place].vfs = owned
      } else if let pf = inventory.pf(named: dev), pf.numVFs == 0, pf.totalVFs > 0 {
        pool.pfs[place].vfs = pf.totalVFs
      }
    }
    return pool
  }

  private func checkPFs(_ netdef: Netdef, _ pool: Pool) throws -> [WantedCount] {
    try pool.pfs.map { wanted in
      let line = at(netdef.line(of: .pf(wanted.dev)))
      guard let pf = inventory.pf(named: wanted.dev) else {
        let known = inventory.pfs.map(\.name).joined(separator: ", ")
        throw FlowError(
          .invalid, "\(line)no PF \(wanted.dev) on this host; it has \(known.isEmpty ? "no SR-IOV card" : known)")
      }
      if let why = pf.unsupported { throw FlowError(.invalid, "\(line)PF \(pf.name) can't serve a pool: \(why)") }
      guard pf.pci != nil else { throw FlowError(.invalid, "\(line)PF \(pf.name) is not a PCI device") }
      let count = wanted.vfs ?? pf.numVFs
      if count > pf.totalVFs {
        throw FlowError(.invalid, "\(line)PF \(pf.name) can have at most \(pf.totalVFs) VFs, not \(count)")
      }
      if count == 0 {
        throw FlowError(.invalid, "\(line)PF \(pf.name) offers no VFs; is SR-IOV on in the firmware?")
      }
      if let range = wanted.range, range.upperBound >= count {
        throw FlowError(
          .invalid, "\(line)range \(range.lowerBound)-\(range.upperBound) is beyond the \(count) VFs of PF \(pf.name)")
      }
      if count != pf.numVFs, pf.numVFs != 0 {
        try checkRecount(pf, to: count, for: pool.name, line)
      }
      return WantedCount(pf: pf, count: count, mustSet: count != pf.numVFs, owned: wanted.vfs != nil)
    }
  }

  /// Another count means that all VFs of the PF go first: only when nobody has or counts on one.
  private func checkRecount(_ pf: PF, to count: Int, for own: String, _ line: String) throws {
    let vfs = inventory.vfs.filter { $0.id.pf == pf.name }
    for vf in vfs {
      if let pci = vf.pci, let lease = lease(holding: pci) {
        throw FlowError(
          .refused,
          "\(line)PF \(pf.name) has \(pf.numVFs) VFs, and guest \(lease.guest.name) has \(vf.id): the kernel can only "
            + "go to \(count) by taking all away; stop the guest first")
      }
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
    let mine = Set(
      pool.pfs.flatMap { wanted -> [VFIndex] in
        let count = counts.first { $0.pf.name == wanted.dev }?.count ?? 0
        let range = wanted.range.map { $0.lowerBound..<($0.upperBound + 1) } ?? 0..<count
        return range.map { VFIndex(pf: wanted.dev, index: $0) }
      })
    let listed = Set(pool.pfs.isEmpty ? pool.addresses : [])
    for address in pool.addresses where pool.pfs.isEmpty && inventory.vf(at: address) == nil {
      throw FlowError(.invalid, "\(at(netdef.line(of: .address(address))))no VF \(address) on this host")
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
          netdef.line(of: .address(address)) ?? id.flatMap { netdef.line(of: .pf($0.pf)) } ?? netdef.line(of: .forward)
        throw FlowError(
          .invalid, "\(at(line))overlaps pool \(other.name): both have \(id.map { "\($0) " } ?? "")\(address)")
      }
      for theirs in other.pfs {
        if let count = counts.first(where: { $0.pf.name == theirs.dev && $0.owned }), let vfs = theirs.vfs,
          vfs != count.count
        {
          throw FlowError(
            .invalid,
            "\(at(netdef.line(of: .pf(theirs.dev))))pool \(other.name) wants \(vfs) VFs on \(theirs.dev), this one "
              + "\(count.count): two pools must agree")
        }
      }
    }
  }

  /// The VFs of a pool in its policy's order, from what the host has now.
  func addresses(of pool: Pool) -> [PCIAddress] {
    guard !pool.pfs.isEmpty else { return pool.addresses }
    let byPF = pool.pfs.map { wanted in
      inventory.vfs.filter { $0.id.pf == wanted.dev && (wanted.range?.contains($0.id.index) ?? true) }
        .sorted { $0.id.index < $1.id.index }.compactMap(\.pci)
    }
    return listOrder(byPF, policy: pool.placement.policy)
  }

  private func applySteps(
    _ pool: Pool, _ xml: String, _ counts: [WantedCount], _ network: NetworkFacts?, _ known: Pool?
  ) -> Plan {
    let name = pool.name
    var plan = Plan()
    for count in counts where count.mustSet {
      plan.steps.append("create \(count.count) VFs on PF \(count.pf.name) (it has \(count.pf.numVFs))")
    }
    if known == nil { plan.steps.append("record pool \(name)") }
    if let known, known.mode == .observe { plan.steps.append("enforce pool \(name), which was only observed") }
    let vfs = counts.contains(where: \.mustSet) ? [] : addresses(of: pool)
    let fresh = vfs.filter { contents.baselines[$0] == nil && lease(holding: $0) == nil }.count
    if counts.contains(where: \.mustSet) {
      plan.steps.append("record the baselines of the new VFs")
    } else if fresh > 0 {
      plan.steps.append("record the baselines of \(fresh) VFs")
    }
    if let network {
      let changed = known.map { contents.netdefs[$0.name] != xml } ?? true
      if changed || known?.mode == .observe { plan.steps.append("redefine network \(name)") }
      if !network.autostart { plan.steps.append("autostart network \(name)") }
      if !network.active { plan.steps.append("start network \(name)") }
      if network.active, changed, let known, vfs != known.addresses || pool.vlan != known.vlan {
        if contents.leases.values.contains(where: { $0.pool == name && $0.state.holdsVF }) {
          plan.notes.append(
            "the changed VF list or VLAN takes effect when network \(name) is started anew, without guests on it")
        } else {
          plan.steps.append("restart network \(name)")
        }
      }
    } else {
      plan.steps += ["define network \(name)", "autostart network \(name)", "start network \(name)"]
    }
    return plan
  }

  private func perform(
    _ netdef: Netdef, _ wanted: Pool, _ xml: String, _ counts: [WantedCount], _ network: NetworkFacts?, _ known: Pool?
  ) async throws {
    let name = wanted.name
    var pool = wanted
    // Starts go on meanwhile: with the list that libvirt still uses.
    if let known { pool.addresses = known.addresses }
    pool.uuid = network?.uuid
    let earlierNetdef = contents.netdefs[name] ?? ""
    // What to undo is durable before the first VF is made.
    try await commit([.savePool(pool, netdef: xml)])
    var created: [WantedCount] = []
    var defined = false
    do {
      try await saveOwnCounts()
      for count in counts where count.mustSet {
        log.notice("pool \(name): creating \(count.count) VFs on \(count.pf.name)")
        created.append(count)
        try await links.setVFCount(count.count, pf: count.pf.name)
      }
      await refreshInventory()
      pool.addresses = addresses(of: pool)
      try await recordBaselines(pool)
      pool.uuid = try await networks.define(
        xml: netdef.xml(uuid: network?.uuid, addresses: netdef.fillsAddresses ? pool.addresses : nil))
      defined = network == nil
      try await networks.setAutostart(true, network: name)
      if let network, network.active {
        let stale = known.map { $0.addresses != pool.addresses || $0.vlan != pool.vlan } ?? false
        if stale, !contents.leases.values.contains(where: { $0.pool == name && $0.state.holdsVF }) {
          try await networks.stop(network: name)
          try await networks.start(network: name)
        }
      } else {
        try await networks.start(network: name)
      }
      try await commit([.savePool(pool, netdef: xml)])
    } catch {
      log.error("pool \(name) could not be applied, undoing: \(error)")
      await undo(name, created: created, defined: defined, network, known: known, netdef: earlierNetdef)
      throw FlowError(.failed, "pool \(name) could not be applied, and what was done is undone: \(error)")
    }
    problems["pool \(name)"] = nil
    await rereadNetworks()
    reconcileSoon()
  }

  private func undo(
    _ name: String, created: [WantedCount], defined: Bool, _ network: NetworkFacts?, known: Pool?, netdef: String
  ) async {
    if let network {
      _ = try? await networks.define(xml: network.inactiveXML ?? network.xml)
      try? await networks.setAutostart(network.autostart, network: name)
      if network.active { try? await networks.start(network: name) }
    }
    if defined {
      try? await networks.stop(network: name)
      try? await networks.undefine(network: name)
    }
    for count in created { try? await links.setVFCount(count.pf.numVFs, pf: count.pf.name) }
    let change = known.map { LedgerChange.savePool($0, netdef: netdef) } ?? .removePool(name)
    do { try await commit([change]) } catch { log.error("undoing pool \(name): \(error)") }
    try? await saveOwnCounts()
    await refreshInventory()
    await rereadNetworks()
  }

  /// The counts that pools own, for the next boot.
  func saveOwnCounts() async throws {
    var own: [String: OwnVFCount] = [:]
    for pool in contents.pools.values where pool.mode == .enforce {
      for wanted in pool.pfs {
        guard let vfs = wanted.vfs, let pf = inventory.pf(named: wanted.dev), let pci = pf.pci else { continue }
        own[wanted.dev] = OwnVFCount(pf: pf.name, pci: pci, mac: pf.mac, count: vfs)
      }
    }
    try await links.saveOwnCounts(own.values.sorted { $0.pci < $1.pci })
  }

  /// Baselines of the pool's VFs that have none and that nobody has.
  private func recordBaselines(_ pool: Pool) async throws {
    let changes = pool.addresses.compactMap { vf -> LedgerChange? in
      guard contents.baselines[vf] == nil, lease(holding: vf) == nil, !claimedVFs().contains(vf),
        let state = inventory.vf(at: vf)?.state
      else { return nil }
      return .saveBaseline(Baseline(vf: vf, state: state, taken: now()))
    }
    if !changes.isEmpty { try await commit(changes) }
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
    guard pool.mode == .observe else { return Plan(notes: ["pool \(name) is enforced already"]) }
    await refreshInventory()
    let free = zip(pool.addresses, standings(of: pool.addresses)).filter { $0.1 == .free }.count
    let leased = contents.leases.values.filter { $0.pool == name && $0.state.holdsVF }
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
    try refuseWhileLeased(name, to: "stop")
    await dropHolds(of: nil, in: name)
    try refuseWhileLeased(name, to: "stop")
    try await networks.stop(network: name)
    await rereadNetworks()
    reconcileSoon()
    return Plan(steps: ["stop network \(name)"], done: true)
  }

  private func refuseWhileLeased(_ name: String, to verb: String) throws(FlowError) {
    let holders = Set(contents.leases.values.filter { $0.pool == name && $0.state.holdsVF }.map(\.guest.name))
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
    for pf in pool.pfs where pf.vfs != nil {
      result.notes.append(
        "the VFs of \(pf.dev) stay until the next boot; `vfpool pf set-vfs \(pf.dev) 0` removes them now")
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
    try await commit(
      contents.leases.values.filter { $0.pool == name }.sorted { $0.id < $1.id }
        .map { .closeLease(id: $0.id, until: now(), reason: closingReason($0)) } + [.removePool(name)])
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
    for hold in contents.holds.values.sorted(by: { $0.vf < $1.vf }) {
      try needLibvirt()
      try await networks.drop(port: hold.port, in: hold.pool)
      forgetPort(hold.port)
      try await commit([.dropHold(port: hold.port)])
      result.steps.append("drop hold on \(hold.vf) in pool \(hold.pool)")
    }
    return result
  }
}
