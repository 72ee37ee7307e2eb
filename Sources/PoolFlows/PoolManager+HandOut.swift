import LibvirtXML
import Logging
import PoolModel

/// From libvirt's pick to the guest's running: allocated, started.
extension PoolManager {
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
      .filter { $0.vf == vf && $0.id != id && $0.state.hasPort }
      .map { .closeLease(id: $0.id, until: now(), reason: "guest stopped") }
  }

  /// The first position that no other open lease of the guest has.
  func nextNIC(_ guest: GuestID, _ pool: String, on vf: PCIAddress) -> Int {
    let taken = Set(leases(of: guest.uuid).filter { $0.pool == pool && $0.vf != vf }.map(\.nic))
    return (0...taken.count).first { !taken.contains($0) } ?? taken.count
  }

  /// The network is still locked: the holds are dropped once libvirt has gone on.
  private func turnsAfterAllocation(_ guest: GuestID, _ pool: String) {
    guard !leases(of: guest.uuid).contains(where: { $0.pool == pool && $0.state == .recorded }) else { return }
    let over = turns.turns(of: guest.uuid).filter { $0.pool == pool }
    Task { await self.endTurns(over) }
  }

  // MARK: started

  /// `qemu start begin`: libvirt has set MAC and VLAN and bound vfio. Sets qos and VLAN protocol, reads all back.
  public func started(_ guest: GuestID, deadline: HookDeadline) async {
    // What comes later, while the kernel is asked, is the guest's next start.
    let mine = run(of: guest)
    for lease in leases(of: guest.uuid) where lease.state == .allocated {
      guard let pool = contents.pools[lease.pool] else { continue }
      if pool.mode == .enforce, let id = lease.vfIndex { await finish(lease, id, pool, deadline) }
      guard var active = contents.leases[lease.id], active.state == .allocated else { continue }
      active.state = .active
      commitLater([.updateLease(active)])
    }
    // All ports exist by now: what is still only recorded was recorded too late to be met.
    commitLater(
      mine.leases.filter { contents.leases[$0]?.state == .recorded }
        .map { .closeLease(id: $0, until: now(), reason: "start failed") })
    Task { await self.endTurns(mine.turns) }
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
