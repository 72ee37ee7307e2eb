import LibvirtXML
import Logging
import PoolModel

/// Turns of starts, and the holds that make libvirt's “first free” VF the chosen one.
extension PoolManager {
  func takeTurns(_ pools: Set<String>, _ guest: GuestID, deadline: HookDeadline) async -> Bool {
    if turns.tryTake(pools, guest: guest.uuid) {
      limitTurns(guest)
      return true
    }
    await dropHoldsInTheWay(of: pools, guest)
    if turns.tryTake(pools, guest: guest.uuid) {
      limitTurns(guest)
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
    if got { limitTurns(guest) }
    return got
  }

  /// A start that waits can be let through without its turn, also by vfpoold's death, and must find a VF then: where holds
  /// leave too few, they go.
  private func dropHoldsInTheWay(of pools: Set<String>, _ guest: GuestID) async {
    for name in pools.sorted() {
      guard let pool = contents.pools[name] else { continue }
      let claimed = ports.claimedVFs.union(contents.holds.values.map(\.vf))
      let free = zip(pool.addresses, standings(of: pool.addresses)).count { $0.1 == .free && !claimed.contains($0.0) }
      let unplaced = contents.unplacedStarts(in: name, besides: guest.uuid)
      if free < unplaced + turns.waiting(for: name) + 1 { await dropHolds(of: nil, in: name) }
    }
  }

  /// A start that dies between prepare and its port must not block its pools.
  private func limitTurns(_ guest: GuestID) {
    let given = turns.turns(of: guest.uuid)
    Task {
      try? await Task.sleep(for: turnLimit)
      for turn in given where self.turns.isOn(turn) {
        self.log.info("start of \(guest.name) in pool \(turn.pool) is slow; the next is served")
        await self.endTurns([turn])
      }
    }
  }

  /// Drops the holds that were made in the turns, then serves the next starts. Turns that have ended already are left
  /// out: the same guest's next start may be under way.
  func endTurns(_ ending: [Turn]) async {
    for turn in ending where turns.isOn(turn) {
      await dropHolds(of: turn.guest, in: turn.pool)
      turns.end(turn)
    }
  }

  /// Before vfpoold stops: holds made for starts under way would keep VFs from everybody until it runs again.
  public func shutDown() async {
    for pool in contents.pools.keys.sorted() { await dropHolds(of: nil, in: pool) }
  }

  func claim(_ hold: Hold) async {
    guard contents.holds[hold.port] != nil else { return }
    guard mayHold else { return commitLater([.dropHold(port: hold.port)]) }
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

  /// Makes libvirt count the VF of a hold that the ledger has as taken.
  func park(_ hold: Hold) async throws {
    let port = NetworkPort(hold)
    try await networks.claim(port, in: hold.pool)
    notePort(port)
  }

  /// Ends a hold, in libvirt and then in the ledger.
  func dropHold(port: String, in pool: String) async throws {
    try await networks.drop(port: port, in: pool)
    forgetPort(port)
    try await commit([.dropHold(port: port)])
  }

  /// Drops the holds made for the start of the guest with a UUID; nil = for anyone's start. Standing holds stay.
  func dropHolds(of guest: String?, in pool: String) async {
    let holds = contents.holds.values.filter {
      $0.pool == pool && $0.guest != nil && (guest == nil || $0.guest?.uuid == guest)
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
