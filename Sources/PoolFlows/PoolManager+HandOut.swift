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
    if leases(of: port.owner.uuid).contains(where: { $0.port == port.uuid }) { return }
    if !leases(of: port.owner.uuid).contains(where: { $0.pool == network && $0.state == .recorded }),
      (try? await links.driver(of: vf)) == "vfio-pci"
    {
      // Told again as well, but we never heard of it: its guest runs, so nothing is written.
      do { try await adoptRunning(port, network) } catch {
        log.error("port of guest \(port.owner.name) on \(vf) is not recorded: \(error)")
        reconcileSoon()
      }
      return
    }
    if let owner = runningOwner(of: vf), owner.guest.uuid != port.owner.uuid {
      // libvirt lost count, and will find out when it takes the VF.
      log.error(
        "libvirt gives \(vf), which guest \(owner.guest.name) has, to guest \(port.owner.name): nothing is written")
      return reconcileSoon()
    }
    if inventory.vf(at: vf) == nil { await refreshInventory() }
    guard let lease = await adopt(port, vf, pool) else { return }
    defer { turnsAfterAllocation(lease.guest, pool.name) }
    guard pool.mode == .enforce, let id = lease.vfIndex else { return }
    do {
      let isSetUp = try await setUp(id, at: vf, pool.policy(portgroup: lease.portgroup)) {
        !deadline.isOver && contents.leases[lease.id]?.vf == vf
      }
      guard isSetUp else {
        problems["vf \(vf)"] = "\(id): guest \(lease.guest.name) runs without the pool's settings; restart it"
        return log.warning("\(id) for guest \(lease.guest.name): too late to set it up; libvirt went on")
      }
      problems["vf \(vf)"] = nil
    } catch {
      problems["vf \(vf)"] = "\(id) for guest \(lease.guest.name) could not be set up: \(error)"
      log.error("\(id) for guest \(lease.guest.name) could not be set up: \(error)")
    }
  }

  /// The lease of a guest that runs with a VF, by all that is known.
  private func runningOwner(of vf: PCIAddress) -> Lease? {
    guard let lease = lease(holding: vf), lease.state == .active, runningGuests.contains(lease.guest.uuid),
      let port = lease.port, ports[port] != nil || remadePorts.contains(port)
    else { return nil }
    return lease
  }

  /// Makes a VF what its NIC must find when libvirt comes to set MAC and VLAN. False: nothing was written, as it wasn't
  /// wanted any more.
  func setUp(
    _ id: VFIndex, at vf: PCIAddress, _ policy: VFPolicy, while isWanted: () -> Bool = { true }
  ) async throws -> Bool {
    let current = try await links.read(id)
    let baseline = try await baseline(of: vf, current)
    guard isWanted() else { return false }
    let missing = setUp(baseline, policy).missing(from: current)
    if !missing.isEmpty { try await links.write(missing, to: id) }
    return true
  }

  /// What a NIC's VF must be when libvirt has just picked it: the baseline, and the pool's policy over it.
  func setUp(_ baseline: VFState, _ policy: VFPolicy) -> VFSettings {
    var wanted = VFSettings(baseline)
    // These two libvirt writes itself, right afterwards.
    wanted.mac = nil
    wanted.vlan = nil
    return wanted.taking(policy.early)
  }

  func guestMACs() -> Set<MACAddress> {
    Set(contents.bindings.values.map(\.mac)).union(contents.leases.values.map(\.mac))
  }

  func isGuestMAC(_ mac: MACAddress) -> Bool {
    contents.bindings.values.contains { $0.mac == mac } || contents.leases.values.contains { $0.mac == mac }
  }

  /// The VF's baseline; the state that it has now becomes it when there was none.
  private func baseline(of vf: PCIAddress, _ current: VFState) async throws -> VFState {
    if let known = contents.baselines[vf] {
      if unsavedBaselines.contains(vf) { try await commit([]) }
      return known.state
    }
    try await commit([.saveBaseline(Baseline(vf: vf, state: current, taken: now()))])
    return current
  }

  /// Ties the port to the lease that was recorded for it, or makes one. Durable before it returns when libvirt's pick
  /// isn't what was recorded; otherwise the ledger holds all that is needed already.
  private func adopt(_ port: NetworkPort, _ vf: PCIAddress, _ pool: Pool) async -> Lease? {
    let id = inventory.vf(at: vf)?.id
    let pick = LeasePick(port: port.uuid, vf: vf, vfIndex: id, mac: port.mac, portgroup: port.portgroup)
    let expected = leases(of: port.owner.uuid)
      .filter { $0.pool == pool.name && $0.state == .recorded }
      .min { ($0.mac == port.mac ? 0 : 1, $0.id) < ($1.mac == port.mac ? 0 : 1, $1.id) }
    let over = evictions(from: vf, except: expected?.id)
    do {
      let lease = try (expected ?? begin(port, pool.name, on: vf)).picked(pick)
      let record: [LedgerChange] = [expected == nil ? .openLease(lease) : .updateLease(lease), binding(of: lease)]
      if expected?.vf == vf && over.isEmpty {
        commitLater(record)
      } else {
        let misled = contents.leases.values.filter { $0.vf == vf && $0.id != lease.id && $0.state == .recorded }
        try await commit(over + misled.map { LedgerChange.updateLease(try $0.choiceLost()) } + record)
      }
      return lease
    } catch {
      log.error("port of guest \(port.owner.name) on \(vf) is not recorded, its VF is left as it is: \(error)")
      return nil
    }
  }

  /// A lease for a port that none was recorded for. Memory must take it before anything else is awaited.
  func begin(_ port: NetworkPort, _ pool: String, on vf: PCIAddress) -> Lease {
    Lease(
      id: contents.nextLeaseID, pool: pool, guest: port.owner, nic: nextNIC(port.owner, pool, on: vf), mac: port.mac,
      vf: nil, vfIndex: nil, since: now(), bootID: bootID, settings: VFSettings(vlan: .init(port.vlan)))
  }

  /// That the lease's NIC has its MAC, and on which VF. A MAC that the guest's definition is still to get stays bound.
  func binding(of lease: Lease) -> LedgerChange {
    var binding = MACBinding(
      guest: lease.guest, pool: lease.pool, nic: lease.nic, mac: lease.mac, lastVF: lease.vf, lastSeen: now())
    if keepsMACs(lease.pool), let owed = owedBinding(for: binding), owed.mac != lease.mac {
      binding.mac = owed.mac
      binding.isOwed = true
    }
    binding.since = since(binding)
    return .bind(binding)
  }

  /// Since when the binding's NIC has its MAC.
  func since(_ binding: MACBinding) -> Timestamp? {
    guard let old = contents.bindings[binding.key] ?? contents.bindings[binding.namedKey], old.mac == binding.mac else {
      return now()
    }
    return old.since
  }

  /// libvirt has given the VF to someone else, so whoever had it is gone: that lease is over.
  func evictions(from vf: PCIAddress, except id: Int64?) -> [LedgerChange] {
    contents.leases.values
      .filter { $0.vf == vf && $0.id != id && $0.state.hasPort }
      .flatMap { ending($0.id, by: .evicted) }
  }

  /// The first position that no other open lease of the guest has.
  func nextNIC(_ guest: GuestID, _ pool: String, on vf: PCIAddress?) -> Int {
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
    incomingGuests[guest.uuid] = nil
    for lease in leases(of: guest.uuid) where lease.state == .allocated { await activate(lease, deadline) }
    // All ports exist by now: what is still only recorded was recorded too late to be met.
    commitLater(
      mine.leases.filter { contents.leases[$0]?.state == .recorded }.flatMap { ending($0, by: .startFailed) })
    Task { await self.endTurns(mine.turns) }
  }

  /// libvirt has set the lease's VF up: sets and checks the rest, and the lease is active.
  func activate(_ lease: Lease, _ deadline: HookDeadline) async {
    guard let pool = contents.pools[lease.pool] else { return }
    var settings: VFSettings?
    if pool.mode == .enforce, let id = lease.vfIndex { settings = await finish(lease, id, pool, deadline) }
    guard let active = try? contents.leases[lease.id]?.started(settings: settings) else { return }
    commitLater([.updateLease(active)])
  }

  /// What the VF is set to at the end; nil when that isn't known.
  private func finish(_ lease: Lease, _ id: VFIndex, _ pool: Pool, _ deadline: HookDeadline) async -> VFSettings? {
    let policy = pool.policy(portgroup: lease.portgroup)
    do {
      var current = try await links.read(id)
      var wanted = policy.early
      wanted.mac = lease.ownMAC
      wanted.vlan = .init(policy.completed(current.vlan))
      let missing = wanted.missing(from: current)
      if !missing.isEmpty {
        guard !deadline.isOver, contents.leases[lease.id]?.state == .allocated else {
          problems["vf \(lease.pci)"] = "\(id): guest \(lease.guest.name) runs without \(missing.summary); restart it"
          return VFSettings(current)
        }
        try await links.write(missing, to: id)
        current = try await links.read(id)
      }
      let wrong = wanted.missing(from: current)
      problems["vf \(lease.pci)"] =
        wrong.isEmpty ? nil : "\(id) of guest \(lease.guest.name) did not take \(wrong.summary)"
      if !wrong.isEmpty { log.error("\(id) of guest \(lease.guest.name) did not take \(wrong.summary)") }
      return VFSettings(current)
    } catch {
      problems["vf \(lease.pci)"] = "\(id) of guest \(lease.guest.name) could not be checked: \(error)"
      log.error("\(id) of guest \(lease.guest.name) could not be checked: \(error)")
      return nil
    }
  }
}

extension Lease {
  /// For keys and messages.
  var pci: String { vf.map { "\($0)" } ?? "no VF yet" }
  /// As an admin names the VF, as far as that is known.
  var place: String { vfIndex.map { "\($0)" } ?? pci }
}
