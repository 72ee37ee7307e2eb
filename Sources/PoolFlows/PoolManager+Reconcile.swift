import LibvirtXML
import Logging
import PoolModel

/// A difference between kernel, libvirt and ledger.
public enum Drift: Hashable, Sendable {
  /// A hostdev network that the ledger doesn't know.
  case unknownNetwork(NetworkFacts)
  /// A pool whose network is gone.
  case networkGone(pool: String)
  /// A pool whose network was changed in libvirt.
  case poolChanged(Pool)
  /// A port of vfpool's own that no start under way needs.
  case strayHold(port: String, pool: String, vf: PCIAddress?)
  /// A hold in the ledger that libvirt doesn't have.
  case holdGone(port: String)
  /// A guest's port without a lease.
  case portWithoutLease(NetworkPort, pool: String)
  /// A lease whose port is gone while its guest runs with the VF.
  case portLost(Lease)
  /// A lease whose guest is gone.
  case leaseWithoutGuest(Lease)
  /// A free VF that isn't at its baseline.
  case offBaseline(vf: PCIAddress, VFSettings)
  /// A free VF whose baseline isn't recorded.
  case noBaseline(vf: PCIAddress)
  /// A quarantined VF that libvirt could still hand out.
  case notParked(Quarantine, pool: String)
}

extension Drift: CustomStringConvertible {
  /// The drift and its repair, in words.
  public var description: String {
    switch self {
    case .unknownNetwork(let network): "network \(network.name) is unknown: watch it as a pool in observe mode"
    case .networkGone(let pool): "network of pool \(pool) is gone: forget the pool"
    case .poolChanged(let pool): "network of pool \(pool.name) was changed in libvirt: take over what it says now"
    case .strayHold(_, let pool, let vf):
      "hold on \(vf.map { "\($0)" } ?? "a VF") in pool \(pool) is needed by no start: drop it"
    case .holdGone(let port): "hold \(port) is not in libvirt any more: forget it"
    case .portWithoutLease(let port, let pool):
      "guest \(port.owner.name) has \(port.vf.map { "\($0)" } ?? "a VF") of pool \(pool) without a lease: record one"
    case .portLost(let lease):
      "pool \(lease.pool) lost the port of running guest \(lease.guest.name) on \(lease.pci): claim it again"
    case .leaseWithoutGuest(let lease):
      "lease \(lease.id) of \(lease.pci) is for guest \(lease.guest.name), which doesn't run: restore the VF, close the lease"
    case .offBaseline(let vf, let settings): "free VF \(vf) is off its baseline: set \(settings.summary)"
    case .noBaseline(let vf): "free VF \(vf) has no recorded baseline: record its state"
    case .notParked(let quarantine, let pool): "quarantined VF \(quarantine.vf) of pool \(pool) isn't parked: hold it"
    }
  }
}

/// What reconciling found and did.
public struct ReconcileReport: Hashable, Sendable {
  public var drifts: [Drift]
  /// What could not be repaired, in words.
  public var failures: [String]

  public init(drifts: [Drift] = [], failures: [String] = []) {
    self.drifts = drifts
    self.failures = failures
  }
}

/// Kernel, libvirt and ledger compared, and made to agree.
extension PoolManager {
  // MARK: What is told by events

  public func libvirtConnected() async {
    isConnected = true
    mayHold = true
    problems["libvirt"] = nil
    reconcileSoon()
  }

  public func libvirtDisconnected() {
    isConnected = false
    guestsAreKnown = false
    problems["libvirt"] = "not connected to libvirt: guests start, but VFs are not placed"
  }

  public func guestStarted(_ uuid: String) {
    runningGuests.insert(uuid)
    guestsSinceRead[uuid] = true
  }

  public func guestStopped(_ uuid: String) {
    runningGuests.remove(uuid)
    guestsSinceRead[uuid] = false
    // Its release hook has told us already, unless we weren't there to hear it.
    if leases(of: uuid).contains(where: { $0.state == .active }) { reconcileSoon() }
  }

  public func networksChanged() { reconcileSoon() }

  /// Starts reconciling in the background unless it runs already; then it runs once more afterwards.
  func reconcileSoon() {
    guard isConnected else { return }
    reconcileWanted = true
    guard backgroundReconcile == nil else { return }
    backgroundReconcile = Task {
      var pause = Duration.seconds(1)
      while self.takeReconcileWish() {
        var failures: [String]
        do {
          let report = try await self.reconcile(plan: false)
          for drift in report.drifts { self.log.notice("repaired: \(drift)") }
          failures = report.failures
        } catch {
          failures = ["reconcile failed: \(error)"]
        }
        self.problems["reconcile"] = failures.isEmpty ? nil : failures.joined(separator: "; ")
        if failures.isEmpty {
          pause = .seconds(1)
        } else {
          for failure in failures { self.log.error("\(failure)") }
          try? await Task.sleep(for: pause)
          pause = min(pause * 2, .seconds(300))
          self.reconcileWanted = true
        }
      }
      self.backgroundReconcile = nil
    }
  }

  /// Returns when no reconciling goes on in the background.
  public func reconciledInBackground() async { await backgroundReconcile?.value }

  private func takeReconcileWish() -> Bool {
    defer { reconcileWanted = false }
    return reconcileWanted && isConnected
  }

  // MARK: Reconciling

  /// Compares and, without `plan`, repairs. Only one runs at a time.
  public func reconcile(plan: Bool) async throws -> ReconcileReport {
    guard isConnected else {
      throw FlowError(.unavailable, "not connected to libvirt; is libvirtd running? (`systemctl status libvirtd`)")
    }
    return try await alone { try await self.reconcileNow(plan: plan) }
  }

  private func reconcileNow(plan: Bool) async throws -> ReconcileReport {
    if plan { return ReconcileReport(drifts: try await findDrifts()) }
    var report = ReconcileReport()
    // A repair can bring another drift to light (an adopted network has ports), and one can wait for another (a VF's new
    // lease for the end of its old one); a few rounds must do.
    for _ in 0..<4 {
      let drifts = try await findDrifts().filter { !report.drifts.contains($0) }
      report.failures = []
      if drifts.isEmpty { break }
      for drift in drifts {
        do {
          if try await repair(drift) { report.drifts.append(drift) }
        } catch {
          report.failures.append("not repaired: \(drift): \(error)")
        }
      }
    }
    return report
  }

  /// Reads everything and compares. Changes only what memory knows of libvirt's networks, ports and guests.
  private func findDrifts() async throws -> [Drift] {
    portsSinceRead = [:]
    guestsSinceRead = [:]
    let live = try await networks.hostdevNetworks()
    var read: [(port: NetworkPort, pool: String)] = []
    for network in live where network.active {
      read += try await networks.ports(of: network.name).map { ($0, network.name) }
    }
    let running = try await guests.running()
    await refreshInventory()
    note(networks: live)
    runningGuests = Set(running.map(\.guest.uuid).filter { guestsSinceRead[$0] != false })
      .union(guestsSinceRead.filter(\.value).keys)
    guestsAreKnown = true
    // Hooks that ran while we read know better than what was read.
    let livePorts = read.filter { portsSinceRead[$0.port.uuid] != .ended }
    let born = ports.values.filter { portsSinceRead[$0.uuid] == .born }
    ports = Dictionary(
      (livePorts.map(\.port) + born).map { ($0.uuid, $0) }, uniquingKeysWith: { a, _ in a })
    var drifts = networkDrifts(live)
    drifts += portDrifts(livePorts)
    drifts += leaseDrifts(running)
    drifts += vfDrifts()
    return drifts
  }

  private func note(networks live: [NetworkFacts]) {
    facts = Dictionary(live.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
  }

  /// After a change of a network: whoever looks next must see it, before reconciling has read everything. When libvirt
  /// doesn't answer, reconciling tells.
  func rereadNetworks() async {
    if let live = try? await networks.hostdevNetworks() { note(networks: live) }
  }

  private func networkDrifts(_ live: [NetworkFacts]) -> [Drift] {
    var drifts: [Drift] = []
    for network in live { problems["pool \(network.name)"] = nil }
    for network in live.sorted(by: { $0.name < $1.name }) {
      guard let known = contents.pools[network.name] else {
        drifts.append(.unknownNetwork(network))
        continue
      }
      if let now = poolNow(known, network), now != known { drifts.append(.poolChanged(now)) }
    }
    for pool in contents.pools.values.sorted(by: { $0.name < $1.name }) where facts[pool.name] == nil {
      if pool.uuid == nil || contents.leases.values.contains(where: { $0.pool == pool.name }) {
        problems["pool \(pool.name)"] =
          "network of pool \(pool.name) is gone: `vfpool pool apply` it again, or `vfpool pool remove \(pool.name)`"
      } else if pool.mode == .observe {
        drifts.append(.networkGone(pool: pool.name))
      } else {
        problems["pool \(pool.name)"] =
          "network of pool \(pool.name) is gone: `vfpool pool apply` it again, or `vfpool pool remove \(pool.name)`"
      }
    }
    return drifts
  }

  /// A known pool with what libvirt says of its network now; nil when its XML can't be read.
  private func poolNow(_ known: Pool, _ network: NetworkFacts) -> Pool? {
    guard let netdef = try? Netdef(libvirtXML: network.xml) else {
      problems["pool \(network.name)"] = "the XML of network \(network.name) can't be read"
      return nil
    }
    // A pool of ours keeps the policy that was applied; its list and VLANs are what libvirt uses.
    var now = known.mode == .enforce ? known : netdef.pool
    now.mode = known.mode
    now.uuid = network.uuid
    if !netdef.pool.addresses.isEmpty { now.addresses = netdef.pool.addresses }
    if now.pfs.isEmpty { now.pfs = known.pfs }
    now.vlan = netdef.pool.vlan
    now.portgroupVLANs = netdef.pool.portgroupVLANs
    now.portgroups = netdef.pool.portgroups
    now.defaultPortgroup = netdef.pool.defaultPortgroup
    if now.addresses.isEmpty { now.addresses = addresses(of: now) }
    return now
  }

  private func portDrifts(_ livePorts: [(port: NetworkPort, pool: String)]) -> [Drift] {
    var drifts: [Drift] = []
    let leased = Set(contents.leases.values.compactMap(\.port))
    let parked = Set(contents.quarantines.values.compactMap(\.port))
    for (port, pool) in livePorts {
      if port.isHold {
        let hold = contents.holds[port.uuid]
        let needed = hold.map { $0.guest.map { turns.holds($0.uuid, pool) } ?? true } ?? false
        if !needed && !parked.contains(port.uuid) {
          drifts.append(.strayHold(port: port.uuid, pool: pool, vf: port.vf))
        }
      } else if !leased.contains(port.uuid), contents.pools[pool] != nil {
        drifts.append(.portWithoutLease(port, pool: pool))
      }
    }
    for hold in contents.holds.values where ports[hold.port] == nil {
      if let guest = hold.guest, turns.holds(guest.uuid, hold.pool) { continue }
      drifts.append(.holdGone(port: hold.port))
    }
    return drifts
  }

  private func leaseDrifts(_ running: [GuestDescription]) -> [Drift] {
    let byUUID = Dictionary(running.map { ($0.guest.uuid, $0) }, uniquingKeysWith: { a, _ in a })
    return contents.leases.values.sorted { $0.id < $1.id }.compactMap { lease in
      let guest = byUUID[lease.guest.uuid]
      switch lease.state {
      case .recorded, .freed:
        return guest == nil ? .leaseWithoutGuest(lease) : nil
      case .allocated, .active:
        if let port = lease.port, ports[port] != nil { return nil }
        guard let guest, let vf = lease.vf, guest.vfs.contains(vf) else {
          return guest == nil || lease.state == .active ? .leaseWithoutGuest(lease) : nil
        }
        guard contents.pools[lease.pool]?.mode == .enforce else { return nil }
        return facts[lease.pool]?.active == true ? .portLost(lease) : nil
      }
    }
  }

  private func vfDrifts() -> [Drift] {
    var drifts: [Drift] = []
    let claimed = claimedVFs()
    for pool in contents.pools.values.sorted(by: { $0.name < $1.name }) where pool.mode == .enforce {
      for (vf, standing) in zip(pool.addresses, standings(of: pool.addresses)) {
        switch standing {
        case .free where !claimed.contains(vf):
          guard let found = inventory.vf(at: vf), let state = found.state, found.driver != "vfio-pci" else { continue }
          if let baseline = contents.baselines[vf]?.state {
            let dirt = dirt(on: state, baseline)
            if !dirt.isEmpty { drifts.append(.offBaseline(vf: vf, dirt)) }
          } else {
            drifts.append(.noBaseline(vf: vf))
          }
        case .quarantined(let quarantine) where mayHold && !claimed.contains(vf) && facts[pool.name]?.active == true:
          drifts.append(.notParked(quarantine, pool: pool.name))
        default: continue
        }
      }
    }
    return drifts
  }

  /// Makes one drift go. False: it has gone by itself, or its time hasn't come.
  private func repair(_ drift: Drift) async throws -> Bool {
    switch drift {
    case .unknownNetwork(let network):
      let netdef = try Netdef(libvirtXML: network.xml)
      var pool = netdef.pool
      pool.mode = .observe
      pool.uuid = network.uuid
      if pool.addresses.isEmpty { pool.addresses = addresses(of: pool) }
      try await commit([.savePool(pool, netdef: network.inactiveXML ?? network.xml)])
    case .networkGone(let pool):
      try await commit([.removePool(pool)])
    case .poolChanged(let pool):
      try await commit([.savePool(pool, netdef: contents.netdefs[pool.name] ?? "")])
    case .strayHold(let port, let pool, _):
      if let hold = contents.holds[port], let guest = hold.guest, turns.holds(guest.uuid, pool) { return false }
      try await networks.drop(port: port, in: pool)
      forgetPort(port)
      try await commit([.dropHold(port: port)])
    case .holdGone(let port):
      try await commit([.dropHold(port: port)])
    case .portWithoutLease(let port, let pool):
      try await adoptRunning(port, pool)
    case .portLost(let lease):
      guard contents.leases[lease.id] == lease, let vf = lease.vf else { return false }
      let uuid = lease.port ?? newUUID()
      let port = NetworkPort(
        uuid: uuid, owner: lease.guest, mac: lease.mac, portgroup: lease.portgroup, vf: vf, managed: true)
      try await networks.claim(port, in: lease.pool)
      notePort(port)
      if lease.port == nil {
        var claimed = lease
        claimed.port = uuid
        try await commit([.updateLease(claimed)])
      }
    case .leaseWithoutGuest(let lease):
      // A guest that is being prepared right now is not yet listed as running.
      let isYoung = now().milliseconds - lease.since.milliseconds < Int64(turnLimit / .milliseconds(1))
      guard !(lease.state == .recorded && isYoung), contents.leases[lease.id] == lease else {
        if contents.leases[lease.id] == lease { reconcileLater() }
        return false
      }
      if lease.state.hasPort {
        if let port = lease.port { forgetPort(port) }
        await takeBack(lease)
      }
      guard contents.leases[lease.id] != nil else { return true }
      try await commit([.closeLease(id: lease.id, until: now(), reason: closingReason(lease))])
    case .offBaseline(let vf, _):
      guard lease(holding: vf) == nil, !claimedVFs().contains(vf) else { return false }
      await restore(vf)
    case .noBaseline(let vf):
      guard lease(holding: vf) == nil, let state = inventory.vf(at: vf)?.state else { return false }
      try await commit([.saveBaseline(Baseline(vf: vf, state: state, taken: now()))])
    case .notParked(var quarantine, let pool):
      let hold = Hold(port: newUUID(), pool: pool, vf: quarantine.vf, guest: nil)
      quarantine.port = hold.port
      try await commit([.quarantine(quarantine), .addHold(hold)])
      let port = NetworkPort(hold)
      try await networks.claim(port, in: pool)
      notePort(port)
    }
    return true
  }

  /// Once more when the youngest start must have come to its end.
  private func reconcileLater() {
    Task {
      try? await Task.sleep(for: turnLimit)
      self.reconcileSoon()
    }
  }

  /// A guest that got its VF while nobody listened. Its VF is in use: nothing is written to it.
  func adoptRunning(_ port: NetworkPort, _ pool: String) async throws {
    guard let vf = port.vf, !contents.leases.values.contains(where: { $0.port == port.uuid }) else { return }
    notePort(port)
    let recorded = contents.leases.values.first {
      $0.pool == pool && $0.guest.uuid == port.owner.uuid && $0.state == .recorded
        && ($0.mac == port.mac || $0.vf == vf)
    }
    let id = inventory.vf(at: vf)?.id
    var lease =
      recorded
      ?? Lease(
        pool: pool, guest: port.owner, nic: nextNIC(port.owner, pool, on: vf), mac: port.mac, vf: vf, vfIndex: id,
        state: .active, since: now(), bootID: bootID)
    lease.vf = vf
    lease.vfIndex = id
    lease.port = port.uuid
    lease.portgroup = port.portgroup ?? lease.portgroup
    lease.state = .active
    let binding = LedgerChange.bind(
      MACBinding(guest: lease.guest, pool: pool, nic: lease.nic, mac: lease.mac, lastVF: vf, lastSeen: now()))
    let over = evictions(from: vf, except: recorded?.id)
    if recorded == nil {
      try await commit(over + numbered([.openLease(lease)]) + [binding])
    } else {
      try await commit(over + [.updateLease(lease), binding])
    }
    warnOfMissingSettings(lease, pool)
  }

  /// A guest that runs without its pool's settings is told of, not changed under its hands.
  private func warnOfMissingSettings(_ lease: Lease, _ name: String) {
    guard let pool = contents.pools[name], pool.mode == .enforce, let vf = lease.vf,
      let state = inventory.vf(at: vf)?.state
    else { return }
    let missing = pool.policy(portgroup: lease.portgroup).early.missing(from: state)
    problems["vf \(vf)"] =
      missing.isEmpty
      ? nil
      : "\(lease.vfIndex.map { "\($0)" } ?? lease.pci): guest \(lease.guest.name) runs without \(missing.summary); restart it"
  }
}
