import Allocator
import LibvirtXML
import Logging
import PoolModel

/// A NIC of a guest that wants a VF of a pool.
struct WantedNIC {
  /// Position among the guest's NICs of this pool.
  var position: Int
  var mac: MACAddress
  var portgroup: String?
  /// Its own, or that of its network; nil = untagged.
  var vlan: VLANTag?
}

/// A guest's start before libvirt has done anything: MACs are checked, VFs chosen, leases recorded.
extension PoolManager {
  /// A hook call whose hook has stopped waiting: libvirt went on, and this call's moment is over. What became of it is
  /// read from libvirt.
  public func hookCameLate(_ what: String) {
    log.warning("\(what): libvirt did not wait for it; looking at what became of it")
    reconcileSoon()
  }

  /// `qemu prepare begin`: libvirt has done nothing yet. Checks MACs, chooses for all NICs, records the leases; refuses
  /// for policy only.
  public func prepare(_ guest: GuestDescription, deadline: HookDeadline) async -> HookVerdict {
    defer { fleet?.settled(guest.guest) }
    let verdict = await prepareNow(guest, deadline)
    if case .refuse(let refusal) = verdict {
      fixedNICs.forget(guest: guest.guest.uuid)
      note(refusal)
    }
    return verdict
  }

  private func prepareNow(_ guest: GuestDescription, _ deadline: HookDeadline) async -> HookVerdict {
    let wanted = wantedNICs(guest)
    guard !wanted.isEmpty || !guest.vfs.isEmpty else { return .go }
    await returnLeftovers(of: guest.guest)
    if deadline.isOver { return .go }
    let asking = askingNICs(of: guest)
    var told: Set<String> = []
    if let clash = await refusedClash(of: asking, &told, deadline) { return .refuse(clash) }
    let isIncoming = isIncoming(guest.guest.uuid)
    if let clash = await clashElsewhere(of: asking, &told, isIncoming: isIncoming, within: deadline.left / 4) {
      return .refuse(clash)
    }
    fixedNICs.note(guest, at: .now)
    if let refusal = await prepareFixedVFs(of: guest, deadline: deadline) { return .refuse(refusal) }
    if wanted.isEmpty || deadline.isOver { return .go }
    let enforced = wanted.keys.filter { contents.pools[$0]?.mode == .enforce }.sorted()
    guard isConnected, !enforced.isEmpty else {
      return await recordUnplaced(guest.guest, wanted, asking)
    }
    guard await takeTurns(Set(enforced), guest.guest, deadline: deadline) else {
      for name in enforced { await dropHolds(of: nil, in: name) }
      if deadline.isOver { return .go }
      for name in enforced {
        guard let pool = contents.pools[name], let nics = wanted[name]?.count else { continue }
        if let refusal = shortage(guest, nics: nics, pool) { return .refuse(Refusal(refusal)) }
      }
      return await recordUnplaced(guest.guest, wanted, asking)
    }
    let mine = turns.turns(of: guest.guest.uuid)
    // While this start waited for its turn, another with the same MAC may have been placed.
    if let clash = await refusedClash(of: asking, &told, deadline) {
      await endTurns(mine)
      return .refuse(clash)
    }
    guard !deadline.isOver else {
      await endTurns(mine)
      return .go
    }
    let verdict = await place(guest, wanted, asking, in: mine, deadline: deadline)
    if case .refuse = verdict { await endTurns(mine) }
    return verdict
  }

  private func wantedNICs(_ guest: GuestDescription) -> [String: [WantedNIC]] {
    var wanted: [String: [WantedNIC]] = [:]
    for nic in guest.nics {
      guard case .network(let name, let portgroup) = nic.source, let pool = contents.pools[name], let mac = nic.mac
      else { continue }
      wanted[name, default: []].append(
        WantedNIC(
          position: wanted[name]?.count ?? 0, mac: mac, portgroup: portgroup,
          vlan: nic.vlan ?? pool.vlan(portgroup: portgroup)))
    }
    return wanted
  }

  /// Leases and turns that an earlier run of this guest left behind: it isn't running, so they are over.
  private func returnLeftovers(of guest: GuestID) async {
    // What comes meanwhile is of the start that is being prepared.
    let old = run(of: guest)
    await endTurns(old.turns)
    for lease in old.leases.compactMap({ contents.leases[$0] }) {
      if lease.state.hasPort {
        if let port = lease.port, ports[port] != nil, (try? await networks.drop(port: port, in: lease.pool)) != nil {
          forgetPort(port)
        }
        await takeBack(lease)
      }
      commitLater(ending(lease.id, by: .released))
    }
  }

  /// Lets the start through: libvirt picks, and the pick is adopted when its port is created.
  private func recordUnplaced(
    _ guest: GuestID, _ wanted: [String: [WantedNIC]], _ asking: [CardNIC]
  ) async -> HookVerdict {
    if let clash = knownRefusal(of: asking) { return .refuse(clash) }
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
      bootID: bootID, settings: VFSettings(vlan: .init(nic.vlan)))
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
    _ description: GuestDescription, _ wanted: [String: [WantedNIC]], _ asking: [CardNIC], in mine: [Turn],
    deadline: HookDeadline
  ) async -> HookVerdict {
    let guest = description.guest
    var changes: [LedgerChange] = []
    var holds: [Hold] = []
    for name in mine.map(\.pool) {
      guard let pool = contents.pools[name], let nics = wanted[name] else { continue }
      let choice: PlacementChoice
      do {
        choice = try await choose(description, nics: nics.count, pool, within: deadline.left / 2)
      } catch {
        return .refuse(Refusal(error))
      }
      for (nic, vf) in zip(nics, choice.picks) { changes.append(.openLease(newLease(guest, name, nic, vf: vf))) }
      holds += choice.holds.map { Hold(port: newUUID(), pool: name, vf: $0, guest: guest) }
    }
    for (name, nics) in wanted where contents.pools[name]?.mode == .observe {
      changes += nics.map { .openLease(newLease(guest, name, $0, vf: nil)) }
    }
    guard !deadline.isOver else {
      await endTurns(mine)
      return .go
    }
    // While libvirt was asked, a start in another pool of the same card may have been placed.
    if let clash = knownRefusal(of: asking) { return .refuse(clash) }
    do {
      try await commit(numbered(changes) + holds.map(LedgerChange.addHold))
    } catch {
      log.warning("start of \(guest.name) is not placed: \(error)")
      await endTurns(mine)
      return .go
    }
    for hold in holds {
      // A turn that has ended meanwhile dropped the holds that it knew.
      if mine.contains(where: { $0.pool == hold.pool && turns.isOn($0) }) {
        await claim(hold)
      } else if contents.holds[hold.port] != nil {
        commitLater([.dropHold(port: hold.port)])
      }
    }
    return .go
  }
}
