import Allocator
import LibvirtXML
import Logging
import PoolModel

/// A NIC of a guest that wants a VF of a pool.
private struct WantedNIC {
  /// Position among the guest's NICs of this pool.
  var position: Int
  var mac: MACAddress
  var portgroup: String?
}

/// From the guest's start to its running: prepare, allocated, started.
extension PoolManager {
  // MARK: prepare

  /// A hook call whose hook has stopped waiting: libvirt went on, and this call's moment is over. What became of it is
  /// read from libvirt.
  public func hookCameLate(_ what: String) {
    log.warning("\(what): libvirt did not wait for it; looking at what became of it")
    reconcileSoon()
  }

  /// `qemu prepare begin`: libvirt has done nothing yet. Checks MACs, chooses for all NICs, records the leases; refuses
  /// for policy only.
  public func prepare(_ guest: GuestDescription, deadline: HookDeadline) async -> HookVerdict {
    let wanted = wantedNICs(guest)
    guard !wanted.isEmpty else { return .go }
    await returnLeftovers(of: guest.guest)
    if guest.nics.isEmpty || deadline.isOver { return .go }
    let enforced = wanted.keys.filter { contents.pools[$0]?.mode == .enforce }.sorted()
    if let conflict = await macConflict(guest.guest, wanted, enforced) { return .refuse(conflict) }
    guard isConnected, !enforced.isEmpty else {
      return await recordUnplaced(guest.guest, wanted)
    }
    guard await takeTurns(Set(enforced), guest.guest, deadline: deadline) else {
      for name in enforced { await dropHolds(of: nil, in: name) }
      if deadline.isOver { return .go }
      return await recordUnplaced(guest.guest, wanted)
    }
    // While this start waited for its turn, another with the same MAC may have been placed.
    if let conflict = await macConflict(guest.guest, wanted, enforced) {
      await endTurns(of: guest.guest)
      return .refuse(conflict)
    }
    guard !deadline.isOver else {
      await endTurns(of: guest.guest)
      return .go
    }
    let verdict = await place(guest.guest, wanted, enforced: enforced, deadline: deadline)
    if case .refuse = verdict { await endTurns(of: guest.guest) }
    return verdict
  }

  private func wantedNICs(_ guest: GuestDescription) -> [String: [WantedNIC]] {
    var wanted: [String: [WantedNIC]] = [:]
    for nic in guest.nics {
      guard case .network(let name, let portgroup) = nic.source, contents.pools[name] != nil, let mac = nic.mac
      else { continue }
      wanted[name, default: []].append(
        WantedNIC(position: wanted[name]?.count ?? 0, mac: mac, portgroup: portgroup))
    }
    return wanted
  }

  /// Before a refusal the truth is read from libvirt, as for placement.
  private func macConflict(
    _ guest: GuestID, _ wanted: [String: [WantedNIC]], _ enforced: [String]
  ) async -> String? {
    for name in enforced {
      guard let nics = wanted[name], let conflict = macConflict(guest, nics, pool: name) else { continue }
      for pool in contents.pools.keys.sorted() { _ = await returnLostPorts(of: pool) }
      if macConflict(guest, nics, pool: name) != nil { return conflict }
    }
    return nil
  }

  /// Live NICs of different guests must differ in MAC on one PF and VLAN: the card would deliver to one of them only.
  private func macConflict(_ guest: GuestID, _ nics: [WantedNIC], pool name: String) -> String? {
    guard let pool = contents.pools[name] else { return nil }
    for nic in nics {
      for other in contents.leases.values where other.mac == nic.mac && other.guest.uuid != guest.uuid {
        guard other.state.holdsVF, let otherPool = contents.pools[other.pool], sharePF(pool, otherPool),
          vlanID(pool, portgroup: nic.portgroup) == vlanID(otherPool, portgroup: other.portgroup)
        else { continue }
        let text =
          "pool \(name): guest \(guest.name) has MAC \(nic.mac), which guest \(other.guest.name) uses on "
          + "\(other.vfIndex.map { "\($0)" } ?? "pool \(other.pool)"); give one of them another MAC"
        if pool.macConflict == .refuse { return text }
        log.warning("\(text)")
      }
    }
    return nil
  }

  private func sharePF(_ a: Pool, _ b: Pool) -> Bool {
    let pfs = { (pool: Pool) in
      Set(pool.addresses.compactMap { self.inventory.vf(at: $0)?.id.pf })
    }
    return a.name == b.name || !pfs(a).isDisjoint(with: pfs(b))
  }

  /// Leases that an earlier run of this guest left behind: it isn't running, so they are over.
  private func returnLeftovers(of guest: GuestID) async {
    for lease in leases(of: guest.uuid) {
      if lease.state == .allocated || lease.state == .active { await takeBack(lease) }
      if contents.leases[lease.id] != nil {
        commitLater([.closeLease(id: lease.id, until: now(), reason: closingReason(lease))])
      }
    }
  }

  /// Lets the start through: libvirt picks, and the pick is adopted when its port is created.
  private func recordUnplaced(_ guest: GuestID, _ wanted: [String: [WantedNIC]]) async -> HookVerdict {
    let changes = wanted.sorted { $0.key < $1.key }.flatMap { name, nics in
      nics.map { LedgerChange.openLease(newLease(guest, name, $0, vf: nil)) }
    }
    do { try await commit(numbered(changes)) } catch { log.warning("start of \(guest.name) is not recorded: \(error)") }
    return .go
  }

  private func newLease(_ guest: GuestID, _ pool: String, _ nic: WantedNIC, vf: PCIAddress?) -> Lease {
    Lease(
      pool: pool, guest: guest, nic: nic.position, mac: nic.mac, vf: vf,
      vfIndex: vf.flatMap { inventory.vf(at: $0)?.id }, state: .recorded, portgroup: nic.portgroup, since: now(),
      bootID: bootID)
  }

  /// Gives new leases their ids. Memory must take the changes before anything else is awaited.
  func numbered(_ changes: [LedgerChange]) -> [LedgerChange] {
    var next = contents.nextLeaseID
    return changes.map { change in
      guard case .openLease(var lease) = change else { return change }
      lease.id = next
      next += 1
      return .openLease(lease)
    }
  }

  private func place(
    _ guest: GuestID, _ wanted: [String: [WantedNIC]], enforced: [String], deadline: HookDeadline
  ) async -> HookVerdict {
    var changes: [LedgerChange] = []
    var holds: [Hold] = []
    for name in enforced {
      guard let pool = contents.pools[name], let nics = wanted[name] else { continue }
      let choice: PlacementChoice
      do {
        choice = try await choose(guest, nics, pool)
      } catch {
        log.notice("refused: \(error)")
        return .refuse("\(error)")
      }
      for (nic, vf) in zip(nics, choice.picks) { changes.append(.openLease(newLease(guest, name, nic, vf: vf))) }
      holds += choice.holds.map { Hold(port: newUUID(), pool: name, vf: $0, guest: guest) }
    }
    for (name, nics) in wanted where contents.pools[name]?.mode == .observe {
      changes += nics.map { .openLease(newLease(guest, name, $0, vf: nil)) }
    }
    guard !deadline.isOver else {
      await endTurns(of: guest)
      return .go
    }
    do {
      try await commit(numbered(changes) + holds.map(LedgerChange.addHold))
    } catch {
      log.warning("start of \(guest.name) is not placed: \(error)")
      await endTurns(of: guest)
      return .go
    }
    for hold in holds where turns.holds(guest.uuid, hold.pool) { await claim(hold) }
    return .go
  }

  /// Asks placement; before a refusal the truth is read from libvirt, lest a port whose end we missed refuses a start.
  private func choose(
    _ guest: GuestID, _ nics: [WantedNIC], _ pool: Pool
  ) async throws(PlacementRefusal) -> PlacementChoice {
    let lastVFs = nics.map { nic in
      contents.bindings[.init(guestUUID: guest.uuid, pool: pool.name, nic: nic.position)]?.lastVF
    }
    do {
      return try ranking(pool).choose(request(guest, lastVFs, pool))
    } catch {
      _ = await returnLostPorts(of: pool.name)
      await refreshInventory()
      return try ranking(pool).choose(request(guest, lastVFs, pool))
    }
  }

  private func request(_ guest: GuestID, _ lastVFs: [PCIAddress?], _ pool: Pool) -> PlacementRequest {
    let underWay = contents.leases.values.count {
      $0.pool == pool.name && $0.state == .recorded && $0.guest.uuid != guest.uuid
    }
    return PlacementRequest(guest: guest, lastVFs: lastVFs, othersUnderWay: underWay)
  }

  func ranking(_ pool: Pool) -> PlacementRanking {
    let claimed = claimedVFs()
    let candidates = zip(pool.addresses, standings(of: pool.addresses)).map { vf, standing in
      let id = inventory.vf(at: vf)?.id
      return Candidate(
        vf: vf, id: id, standing: standing, claimed: claimed.contains(vf),
        carrier: id.flatMap { inventory.pf(named: $0.pf)?.carrier })
    }
    return PlacementRanking(pool: pool, candidates: candidates)
  }

  // MARK: Turns and holds

  private func takeTurns(_ pools: Set<String>, _ guest: GuestID, deadline: HookDeadline) async -> Bool {
    if turns.tryTake(pools, guest: guest.uuid) {
      limitTurns(pools, guest)
      return true
    }
    // Half of what is left: placing needs its time too.
    let patience = deadline.left / 2
    let got = await withCheckedContinuation { continuation in
      guard let id = turns.enqueue(pools, guest: guest.uuid, continuation) else {
        continuation.resume(returning: false)
        return
      }
      Task {
        try? await Task.sleep(for: patience)
        self.turns.giveUp(id)
      }
    }
    if got { limitTurns(pools, guest) }
    return got
  }

  /// A start that dies between prepare and its port must not block its pools.
  private func limitTurns(_ pools: Set<String>, _ guest: GuestID) {
    let given = pools.sorted().map { ($0, turns.turn(of: guest.uuid, $0)) }
    Task {
      try? await Task.sleep(for: turnLimit)
      for (pool, turn) in given where turn != nil && self.turns.turn(of: guest.uuid, pool) == turn {
        self.log.info("start of \(guest.name) in pool \(pool) is slow; the next is served")
        await self.endTurn(pool, guest)
      }
    }
  }

  /// Drops the guest's holds in a pool, then serves the next start.
  func endTurn(_ pool: String, _ guest: GuestID) async {
    await dropHolds(of: guest, in: pool)
    turns.end(pool, guest: guest.uuid)
  }

  func endTurns(of guest: GuestID) async {
    for pool in contents.pools.keys.sorted() where turns.holds(guest.uuid, pool) { await endTurn(pool, guest) }
  }

  private func claim(_ hold: Hold) async {
    let port = NetworkPort(hold)
    do {
      try await networks.claim(port, in: hold.pool)
      guard contents.holds[hold.port] != nil else {
        // Its start has ended meanwhile.
        try await networks.drop(port: hold.port, in: hold.pool)
        return
      }
      notePort(port)
    } catch {
      // Most often: another port has the VF, which serves as well. The order of picks is checked when they are made.
      log.info("no hold on \(hold.vf): \(error)")
      commitLater([.dropHold(port: hold.port)])
    }
  }

  /// Drops the holds made for a guest's start; nil = for anyone's start. Standing holds stay.
  func dropHolds(of guest: GuestID?, in pool: String) async {
    let holds = contents.holds.values.filter {
      $0.pool == pool && $0.guest != nil && (guest == nil || $0.guest?.uuid == guest?.uuid)
    }
    for hold in holds.sorted(by: { $0.vf < $1.vf }) {
      do {
        try await networks.drop(port: hold.port, in: pool)
        forgetPort(hold.port)
        commitLater([.dropHold(port: hold.port)])
      } catch {
        log.warning("hold on \(hold.vf) in pool \(pool) can't be dropped yet: \(error)")
      }
    }
  }

  // MARK: allocated

  /// `network port-created`: libvirt picked a VF, the network is locked. Confirms or adopts the pick, then writes what
  /// can be written before libvirt sets MAC and VLAN.
  public func allocated(_ port: NetworkPort, network: String, deadline: HookDeadline) async {
    guard let pool = contents.pools[network], let vf = port.vf, !port.isHold else { return }
    notePort(port)
    // libvirtd's restart tells every port again.
    if contents.leases.values.contains(where: { $0.port == port.uuid }) { return }
    if !contents.leases.values.contains(where: {
      $0.pool == network && $0.guest.uuid == port.owner.uuid && $0.state == .recorded
    }), (try? await links.driver(of: vf)) == "vfio-pci" {
      // Told again as well, but we never heard of it: its guest runs, so nothing is written.
      do { try await adoptRunning(port, network) } catch {
        log.error("port of guest \(port.owner.name) on \(vf) is not recorded: \(error)")
        reconcileSoon()
      }
      return
    }
    if inventory.vf(at: vf) == nil { await refreshInventory() }
    guard let lease = await adopt(port, vf, pool) else { return }
    defer { turnsAfterAllocation(lease.guest, pool.name) }
    guard pool.mode == .enforce, let id = lease.vfIndex else { return }
    do {
      let current = try await links.read(id)
      let baseline = try await baseline(of: vf, current)
      guard !deadline.isOver, contents.leases[lease.id]?.vf == vf else {
        problems["vf \(vf)"] = "\(id): guest \(lease.guest.name) runs without the pool's settings; restart it"
        return log.warning("\(id) for guest \(lease.guest.name): too late to set it up; libvirt went on")
      }
      let wanted = setUp(baseline, pool.policy(portgroup: lease.portgroup))
      let missing = wanted.missing(from: current)
      if !missing.isEmpty { try await links.write(missing, to: id) }
      problems["vf \(vf)"] = nil
    } catch {
      problems["vf \(vf)"] = "\(id) for guest \(lease.guest.name) could not be set up: \(error)"
      log.error("\(id) for guest \(lease.guest.name) could not be set up: \(error)")
    }
  }

  /// What a NIC's VF must be when libvirt has just picked it: the baseline, and the pool's policy over it.
  private func setUp(_ baseline: VFState, _ policy: VFPolicy) -> VFSettings {
    var wanted = VFSettings(baseline)
    // These two libvirt writes itself, right afterwards.
    wanted.mac = nil
    wanted.vlan = nil
    let early = policy.early
    wanted.spoofchk = early.spoofchk ?? wanted.spoofchk
    wanted.trust = early.trust ?? wanted.trust
    wanted.linkState = early.linkState ?? wanted.linkState
    wanted.minTxRate = early.minTxRate ?? wanted.minTxRate
    wanted.maxTxRate = early.maxTxRate ?? wanted.maxTxRate
    return wanted
  }

  func isGuestMAC(_ mac: MACAddress) -> Bool {
    contents.bindings.values.contains { $0.mac == mac } || contents.leases.values.contains { $0.mac == mac }
  }

  /// The VF's baseline; the state that it has now becomes it when there was none.
  private func baseline(of vf: PCIAddress, _ current: VFState) async throws -> VFState {
    if let known = contents.baselines[vf] { return known.state }
    try await commit([.saveBaseline(Baseline(vf: vf, state: current, taken: now()))])
    return current
  }

  /// Ties the port to the lease that was recorded for it, or makes one. Durable before it returns when libvirt's pick
  /// isn't what was recorded; otherwise the ledger holds all that is needed already.
  private func adopt(_ port: NetworkPort, _ vf: PCIAddress, _ pool: Pool) async -> Lease? {
    let id = inventory.vf(at: vf)?.id
    let expected = contents.leases.values
      .filter { $0.pool == pool.name && $0.guest.uuid == port.owner.uuid && $0.state == .recorded }
      .min { ($0.mac == port.mac ? 0 : 1, $0.id) < ($1.mac == port.mac ? 0 : 1, $1.id) }
    var lease =
      expected
      ?? Lease(
        pool: pool.name, guest: port.owner, nic: nextNIC(port.owner, pool.name, on: vf), mac: port.mac, vf: vf,
        vfIndex: id,
        state: .recorded, since: now(), bootID: bootID)
    let over = evictions(from: vf, except: expected?.id)
    let asRecorded = expected?.vf == vf && over.isEmpty
    lease.vf = vf
    lease.vfIndex = id
    lease.mac = port.mac
    lease.state = .allocated
    lease.port = port.uuid
    lease.portgroup = port.portgroup ?? lease.portgroup
    let binding = LedgerChange.bind(
      MACBinding(
        guest: lease.guest, pool: pool.name, nic: lease.nic, mac: lease.mac, lastVF: vf, lastSeen: now()))
    if asRecorded {
      commitLater([.updateLease(lease), binding])
      return lease
    }
    var changes = over
    for other in contents.leases.values where other.vf == vf && other.id != lease.id && other.state == .recorded {
      var left = other
      left.vf = nil
      left.vfIndex = nil
      changes.append(.updateLease(left))
    }
    if expected == nil {
      lease.id = contents.nextLeaseID
      changes.append(.openLease(lease))
    } else {
      changes.append(.updateLease(lease))
    }
    do {
      try await commit(changes + [binding])
      return lease
    } catch {
      log.error("port of guest \(lease.guest.name) on \(vf) is not recorded, its VF is left as it is: \(error)")
      return nil
    }
  }

  /// libvirt has given the VF to someone else, so whoever had it is gone: that lease is over.
  func evictions(from vf: PCIAddress, except id: Int64?) -> [LedgerChange] {
    contents.leases.values
      .filter { $0.vf == vf && $0.id != id && ($0.state == .allocated || $0.state == .active) }
      .map { .closeLease(id: $0.id, until: now(), reason: "guest stopped") }
  }

  /// The first position that no other open lease of the guest has.
  func nextNIC(_ guest: GuestID, _ pool: String, on vf: PCIAddress) -> Int {
    let taken = Set(leases(of: guest.uuid).filter { $0.pool == pool && $0.vf != vf }.map(\.nic))
    return (0...taken.count).first { !taken.contains($0) } ?? taken.count
  }

  /// The network is still locked: the holds are dropped once libvirt has gone on.
  private func turnsAfterAllocation(_ guest: GuestID, _ pool: String) {
    guard turns.holds(guest.uuid, pool),
      !leases(of: guest.uuid).contains(where: { $0.pool == pool && $0.state == .recorded })
    else { return }
    Task { await self.endTurn(pool, guest) }
  }

  // MARK: started

  /// `qemu start begin`: libvirt has set MAC and VLAN and bound vfio. Sets qos and VLAN protocol, reads all back.
  public func started(_ guest: GuestID, deadline: HookDeadline) async {
    for lease in leases(of: guest.uuid) where lease.state == .allocated {
      guard let pool = contents.pools[lease.pool] else { continue }
      if pool.mode == .enforce, let id = lease.vfIndex { await finish(lease, id, pool, deadline) }
      guard var active = contents.leases[lease.id], active.state == .allocated else { continue }
      active.state = .active
      commitLater([.updateLease(active)])
    }
    // All ports exist by now: what is still only recorded was recorded too late to be met.
    commitLater(
      leases(of: guest.uuid).filter { $0.state == .recorded }
        .map { .closeLease(id: $0.id, until: now(), reason: "start failed") })
    Task { await self.endTurns(of: guest) }
  }

  private func finish(_ lease: Lease, _ id: VFIndex, _ pool: Pool, _ deadline: HookDeadline) async {
    let policy = pool.policy(portgroup: lease.portgroup)
    do {
      var current = try await links.read(id)
      var wanted = policy.early
      wanted.mac = lease.mac
      wanted.vlan = .init(policy.completed(current.vlan))
      let missing = wanted.missing(from: current)
      if !missing.isEmpty {
        guard !deadline.isOver, contents.leases[lease.id]?.state == .allocated else {
          problems["vf \(lease.pci)"] = "\(id): guest \(lease.guest.name) runs without \(missing.summary); restart it"
          return
        }
        try await links.write(missing, to: id)
        current = try await links.read(id)
      }
      let wrong = wanted.missing(from: current)
      problems["vf \(lease.pci)"] =
        wrong.isEmpty ? nil : "\(id) of guest \(lease.guest.name) did not take \(wrong.summary)"
      if !wrong.isEmpty { log.error("\(id) of guest \(lease.guest.name) did not take \(wrong.summary)") }
    } catch {
      problems["vf \(lease.pci)"] = "\(id) of guest \(lease.guest.name) could not be checked: \(error)"
      log.error("\(id) of guest \(lease.guest.name) could not be checked: \(error)")
    }
  }
}

extension Lease {
  /// For keys and messages.
  var pci: String { vf.map { "\($0)" } ?? "no VF yet" }
}

extension NetworkPort {
  /// The port by which a hold claims its VF.
  init(_ hold: Hold) {
    self.init(
      uuid: hold.port, owner: GuestID(name: Hold.ownerName, uuid: Hold.ownerUUID), mac: MACAddress(unusedOf: hold.vf),
      portgroup: nil, vf: hold.vf, managed: true)
  }
}

extension MACAddress {
  /// A locally administered MAC that belongs to the VF and to no guest: for ports that never reach a wire, and for
  /// drivers that don't take a zero MAC.
  init(unusedOf vf: PCIAddress) {
    self.init(
      value: 0x0276_0000_0000 | UInt64(vf.domain & 0xff) << 24 | UInt64(vf.bus) << 16 | UInt64(vf.slot) << 8
        | UInt64(vf.function))
  }
}
