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
  /// A pool whose network vfpool was restarting when it died.
  case restartUnfinished(pool: String)
  /// A pool that means other cards than it has VFs of; the VFs that it shall have.
  case cardsMoved(Pool, [PCIAddress])
  /// A port of vfpool's own that no start under way needs.
  case strayHold(port: String, pool: String, vf: PCIAddress?)
  /// A hold in the ledger that libvirt doesn't have.
  case holdGone(port: String)
  /// A VF in no pool that a self-test which broke off was changing.
  case trialBrokenOff(Hold)
  /// A guest's port without a lease.
  case portWithoutLease(NetworkPort, pool: String)
  /// A lease whose port is gone while its guest runs with the VF.
  case portLost(Lease)
  /// A lease whose guest is gone, while libvirt still has its port.
  case portWithoutGuest(Lease)
  /// libvirt counts fewer of a network's VFs as taken than it has ports: it would hand out a running guest's VF.
  case countsLost(pool: String)
  /// A lease whose guest runs, and of whose start nobody told to the end.
  case startMissed(Lease)
  /// A lease whose guest is gone.
  case leaseWithoutGuest(Lease)
  /// A running guest that has a pool's VF by its address, without a lease.
  case fixedWithoutLease(GuestID, FixedVF)
  /// A lease whose guest runs without its VF: it was plugged out, or never in.
  case deviceLeft(Lease)
  /// A lease whose VF is back, and of whose guest's end nobody told to the end.
  case returnMissed(Lease)
  /// A free VF that isn't at its baseline.
  case offBaseline(vf: PCIAddress, VFSettings)
  /// A free VF that wasn't given back to its driver.
  case onVFIO(vf: PCIAddress)
  /// A PF without the VFs that are ours to make.
  case vfsGone(pf: String, count: Int)
  /// The VF counts that the next boot will make aren't those that are ours.
  case countsNotSaved
  /// A VF that somebody else changed under a running guest, in a pool that doesn't let that be; what the guest was given.
  case changedOutside(Lease, VFSettings)
  /// A free VF whose baseline isn't recorded.
  case noBaseline(vf: PCIAddress)
  /// A quarantined VF that libvirt could still hand out.
  case notParked(Quarantine, pool: String)
  /// A VF that the host uses and that libvirt could still hand out.
  case hostUseNotParked(vf: PCIAddress, pool: String, why: String)
  /// A guest under whose name MACs are bound that no other guest has any more.
  case definedAnew(GuestID)
  /// A guest whose definition is still to get the MACs that are bound to it.
  case macsOwed(GuestID)
}

extension Drift: CustomStringConvertible {
  /// The drift and its repair, in words.
  public var description: String {
    switch self {
    case .unknownNetwork(let network): "network \(network.name) is unknown: watch it as a pool in observe mode"
    case .networkGone(let pool): "network of pool \(pool) is gone: forget the pool"
    case .poolChanged(let pool): "network of pool \(pool.name) was changed in libvirt: take over what it says now"
    case .restartUnfinished(let pool): "the restart of pool \(pool)'s network broke off: bring it to its end"
    case .cardsMoved(let pool, let vfs):
      "pool \(pool.name) means cards of which it has no VF: list \(vfs.count) VFs in its network and restart it"
    case .strayHold(_, let pool, let vf):
      "hold on \(vf.map { "\($0)" } ?? "a VF") in pool \(pool) is needed by no start: drop it"
    case .holdGone(let port): "hold \(port) is not in libvirt any more: forget it"
    case .trialBrokenOff(let hold): "the self-test of VF \(hold.vf) broke off: restore the VF"
    case .portWithoutLease(let port, let pool):
      "guest \(port.owner.name) has \(port.vf.map { "\($0)" } ?? "a VF") of pool \(pool) without a lease: record one"
    case .portLost(let lease):
      "pool \(lease.pool) lost the port of running guest \(lease.guest.name) on \(lease.pci): claim it again"
    case .portWithoutGuest(let lease):
      "libvirt still has the port of guest \(lease.guest.name) on \(lease.pci) in pool \(lease.pool), and the guest doesn't "
        + "run: delete it, restore the VF, close the lease"
    case .countsLost(let pool):
      "libvirt has lost count of the VFs that are taken in pool \(pool): make its ports again"
    case .onVFIO(let vf): "free VF \(vf) is bound to vfio-pci: give it back to its driver"
    case .vfsGone(let pf, let count): "the VFs of PF \(pf) are gone: create \(count)"
    case .countsNotSaved: "the VF counts for the next boot aren't saved: save them"
    case .changedOutside(let lease, let settings):
      "\(lease.pci) was changed under guest \(lease.guest.name): set \(settings.summary)"
    case .startMissed(let lease):
      "guest \(lease.guest.name) runs, and its lease \(lease.id) of \(lease.pci) is still at its start: note what it has"
    case .returnMissed(let lease):
      "guest \(lease.guest.name) has given \(lease.pci) back, and its lease \(lease.id) is open: close it"
    case .fixedWithoutLease(let guest, let fixed):
      "guest \(guest.name) has \(fixed.vf) of pool \(fixed.pool) by its address without a lease: record one"
    case .deviceLeft(let lease):
      "guest \(lease.guest.name) runs without \(lease.pci) of its lease \(lease.id): restore the VF, close the lease"
    case .leaseWithoutGuest(let lease):
      "lease \(lease.id) of \(lease.pci) is for guest \(lease.guest.name), which doesn't run: restore the VF, close the lease"
    case .offBaseline(let vf, let settings): "free VF \(vf) is off its baseline: set \(settings.summary)"
    case .noBaseline(let vf): "free VF \(vf) has no recorded baseline: record its state"
    case .notParked(let quarantine, let pool): "quarantined VF \(quarantine.vf) of pool \(pool) isn't parked: hold it"
    case .hostUseNotParked(let vf, let pool, let why):
      "VF \(vf) of pool \(pool) is used by the host (\(why)) and isn't parked: hold it"
    case .definedAnew(let guest):
      "guest \(guest.name) is defined anew, and MACs are bound to its name: they are its own"
    case .macsOwed(let guest): "guest \(guest.name) isn't defined with the MACs that are bound to it: write them"
    }
  }
}

extension Drift {
  /// Which of the cases it is.
  public var kind: String {
    switch self {
    case .unknownNetwork: "unknownNetwork"
    case .networkGone: "networkGone"
    case .poolChanged: "poolChanged"
    case .restartUnfinished: "restartUnfinished"
    case .cardsMoved: "cardsMoved"
    case .strayHold: "strayHold"
    case .holdGone: "holdGone"
    case .trialBrokenOff: "trialBrokenOff"
    case .portWithoutLease: "portWithoutLease"
    case .portLost: "portLost"
    case .portWithoutGuest: "portWithoutGuest"
    case .countsLost: "countsLost"
    case .startMissed: "startMissed"
    case .leaseWithoutGuest: "leaseWithoutGuest"
    case .fixedWithoutLease: "fixedWithoutLease"
    case .deviceLeft: "deviceLeft"
    case .returnMissed: "returnMissed"
    case .offBaseline: "offBaseline"
    case .onVFIO: "onVFIO"
    case .vfsGone: "vfsGone"
    case .countsNotSaved: "countsNotSaved"
    case .changedOutside: "changedOutside"
    case .noBaseline: "noBaseline"
    case .notParked: "notParked"
    case .hostUseNotParked: "hostUseNotParked"
    case .definedAnew: "definedAnew"
    case .macsOwed: "macsOwed"
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
    lostToLibvirt = [:]
    tell(.libvirtConnected, "vfpoold is connected to libvirt")
    // What failed for want of libvirt is tried again now.
    retryPause?.cancel()
    reconcileSoon()
  }

  public func libvirtDisconnected() {
    if isConnected { tell(.libvirtLost, "vfpoold has lost its connection to libvirt") }
    isConnected = false
    guestsAreKnown = false
    unplugs.connectionLost()
    problems["libvirt"] = "not connected to libvirt: guests start, but VFs are not placed"
  }

  public func guestStarted(_ uuid: String) {
    runningGuests.insert(uuid)
    guestsSinceRead[uuid] = true
  }

  public func guestStopped(_ uuid: String) {
    runningGuests.remove(uuid)
    guestsSinceRead[uuid] = false
    unplugs.end(ofGuest: uuid)
    // Its release hook has told us already, unless we weren't there to hear it.
    if leases(of: uuid).contains(where: { $0.state == .active }) || fixedNICs.hasNICs(ofGuest: uuid) { reconcileSoon() }
  }

  public func networksChanged() { reconcileSoon() }

  /// libvirt is about to read its networks anew, by which it loses count of what is taken; nothing tells when it has.
  public func libvirtReloads() { reconcileOnceSettled() }

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
          let wait = Task { [pause] in _ = try? await Task.sleep(for: pause) }
          self.retryPause = wait
          await wait.value
          self.retryPause = nil
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
    await retryLostVFs()
    var report = ReconcileReport()
    var repaired: Set<Drift> = []
    // A repair can bring another drift to light (an adopted network has ports), and one can wait for another (a VF's new
    // lease for the end of its old one); a few rounds must do.
    for _ in 0..<4 {
      let drifts = try await findDrifts().filter { !repaired.contains($0) }
      report.failures = []
      if drifts.isEmpty { break }
      for drift in drifts {
        do {
          if try await repair(drift), repaired.insert(drift).inserted {
            noteRepaired(drift)
            report.drifts.append(drift)
          }
        } catch {
          let failure = "not repaired: \(drift): \(error)"
          noteFailure(failure, of: drift)
          report.failures.append(failure)
        }
      }
    }
    if report.failures.isEmpty { problems["reconcile"] = nil }
    lookAtChangedLeasesSoon()
    if problems.keys.contains(where: { $0.hasPrefix("count ") }) { await noticeCountWriters() }
    return report
  }

  /// Reads everything and compares. Changes only what memory knows of libvirt's networks, ports and guests.
  private func findDrifts() async throws -> [Drift] {
    portsSinceRead = [:]
    guestsSinceRead = [:]
    let begin = ContinuousClock.now
    let live = try await networks.hostdevNetworks()
    var read: [(port: NetworkPort, pool: String)] = []
    for network in live where network.active {
      read += try await networks.ports(of: network.name).map { ($0, network.name) }
    }
    let running = try await guests.running()
    let defined = contents.bindings.isEmpty ? [] : try await self.guests.defined()
    let countsDiffer = (try? await savedCounts().differ) ?? false
    await refreshInventory()
    await findForeignUses(Set(running.flatMap(\.vfs)))
    note(networks: live)
    runningGuests = Set(running.map(\.guest.uuid).filter { guestsSinceRead[$0] != false })
      .union(guestsSinceRead.filter(\.value).keys)
    guestsAreKnown = true
    noteFixedNICs(of: running.filter { guestsSinceRead[$0.guest.uuid] != false }, readSince: begin)
    // Hooks that ran while we read know better than what was read.
    let livePorts = read.filter { portsSinceRead[$0.port.uuid] != .ended }
    let born = ports.values.filter { portsSinceRead[$0.uuid] == .born }
    ports = PortTable(livePorts.map(\.port) + born)
    // What is compared with what was just read comes before anything else is awaited.
    let guests = Dictionary(running.map { ($0.guest.uuid, $0) }, uniquingKeysWith: { a, _ in a })
    let ofPorts = networkDrifts(live) + portDrifts(livePorts, guests)
    let (ofLeases, ofVFs) = (leaseDrifts(guests) + fixedDrifts(running), vfDrifts() + outsideChangeDrifts(guests))
    let ofMACs = macDrifts(defined)
    let ofCounts = try await countDrifts(live, livePorts)
    let ofMissingVFs = await missingVFDrifts() + (countsDiffer ? [.countsNotSaved] : [])
    let all = ofPorts + ofCounts + ofLeases + ofMissingVFs + movedCardDrifts() + ofVFs + ofMACs
    return unusableLedger == nil ? all : all.filter(\.isOnlyNoted)
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
      if known.unfinished == .restart {
        // What libvirt has now is taken over once that is at its end.
        drifts.append(.restartUnfinished(pool: known.name))
      } else if let now = poolNow(known, network), now != known {
        drifts.append(.poolChanged(now))
      }
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

  /// A port whose owner doesn't run is someone's claim, as ours are, and left alone.
  private func portDrifts(
    _ livePorts: [(port: NetworkPort, pool: String)], _ running: [String: GuestDescription]
  ) -> [Drift] {
    var drifts: [Drift] = []
    let leased = Set(contents.leases.values.compactMap(\.port))
    let parked = Set(contents.quarantines.values.compactMap(\.port))
    for (port, pool) in livePorts {
      if port.isHold {
        let hold = contents.holds[port.uuid]
        let needed = hold.map { hold in hold.guest.map { turns.holds($0.uuid, pool) } ?? isHostUsed(hold.vf) } ?? false
        if !needed && !parked.contains(port.uuid) {
          drifts.append(.strayHold(port: port.uuid, pool: pool, vf: port.vf))
        }
      } else if !leased.contains(port.uuid), contents.pools[pool] != nil, running[port.owner.uuid] != nil {
        drifts.append(.portWithoutLease(port, pool: pool))
      }
    }
    for hold in contents.holds.values where ports[hold.port] == nil {
      if hold.isTrial {
        drifts.append(.trialBrokenOff(hold))
        continue
      }
      if let guest = hold.guest, turns.holds(guest.uuid, hold.pool) { continue }
      drifts.append(.holdGone(port: hold.port))
    }
    return drifts
  }

  private func leaseDrifts(_ running: [String: GuestDescription]) -> [Drift] {
    let orphaned = contents.leases.values.filter { running[$0.guest.uuid] == nil }.compactMap(\.port)
    orphans = Dictionary(
      orphaned.filter { ports[$0] != nil }.map { ($0, orphans[$0] ?? .now) }, uniquingKeysWith: { a, _ in a })
    if orphans.values.contains(where: { $0.duration(to: .now) < turnLimit }) { reconcileLater() }
    return contents.leases.values.sorted { $0.id < $1.id }.compactMap { lease in
      let guest = running[lease.guest.uuid]
      switch lease.state {
      case .recorded: return guest == nil ? .leaseWithoutGuest(lease) : nil
      case .freed: return .returnMissed(lease)
      case .allocated, .active:
        if let port = lease.port, ports[port] != nil {
          if let guest, lease.vf.map(guest.vfs.contains) == false, contents.pools[lease.pool]?.mode == .enforce {
            if lease.state == .active || !isYoung(lease) { return .deviceLeft(lease) }
            reconcileLater()
            return nil
          }
          let isOrphan = orphans[port].map { $0.duration(to: .now) >= turnLimit } ?? false
          if isOrphan, contents.pools[lease.pool]?.mode == .enforce { return .portWithoutGuest(lease) }
          guard lease.state == .allocated, let vf = lease.vf, guest?.vfs.contains(vf) == true else { return nil }
          if !isYoung(lease) { return .startMissed(lease) }
          reconcileLater()
          return nil
        }
        guard let guest, let vf = lease.vf, guest.vfs.contains(vf) else {
          // The port of a claim, and the guest that it is for, may be on their way.
          let mayCome = lease.state == .allocated && isYoung(lease)
          if guest == nil, !(mayCome && lease.isClaim) { return .leaseWithoutGuest(lease) }
          if !mayCome { return .deviceLeft(lease) }
          reconcileLater()
          return nil
        }
        guard contents.pools[lease.pool]?.mode == .enforce else { return nil }
        return facts[lease.pool]?.active == true ? .portLost(lease) : nil
      }
    }
  }

  private func fixedDrifts(_ running: [GuestDescription]) -> [Drift] {
    running.sorted { $0.guest.name < $1.guest.name }.flatMap { guest in
      unclaimedFixedVFs(of: guest).map { .fixedWithoutLease(guest.guest, $0) }
    }
  }

  private func vfDrifts() -> [Drift] {
    var drifts: [Drift] = []
    let guestMACs = guestMACs()
    for pool in contents.pools.values.sorted(by: { $0.name < $1.name }) where pool.mode == .enforce {
      lazy var isManaged = self.isManaged(pool.name)
      for (vf, standing) in zip(pool.addresses, standings(of: pool.addresses)) {
        switch standing {
        case .free where !ports.isClaimed(vf):
          guard let found = inventory.vf(at: vf), let state = found.state else { continue }
          if found.driver == "vfio-pci" {
            if contents.baselines[vf] != nil, isManaged { drifts.append(.onVFIO(vf: vf)) }
            continue
          }
          if let baseline = contents.baselines[vf]?.state {
            let dirt = dirt(on: state, baseline, guestMACs: guestMACs)
            if !dirt.isEmpty { drifts.append(.offBaseline(vf: vf, dirt)) }
          } else {
            drifts.append(.noBaseline(vf: vf))
          }
        case .quarantined(let quarantine) where mayHold && !ports.isClaimed(vf) && facts[pool.name]?.active == true:
          drifts.append(.notParked(quarantine, pool: pool.name))
        case .hostUsed(let why) where mayHold && !ports.isClaimed(vf) && facts[pool.name]?.active == true:
          drifts.append(.hostUseNotParked(vf: vf, pool: pool.name, why: why))
        default: continue
        }
      }
    }
    return drifts
  }

  /// VFs on vfio-pci that are nobody's by what libvirt's networks and the ledger say: who drives them?
  /// Those of running guests get leases.
  private func findForeignUses(_ ofGuests: Set<PCIAddress>) async {
    let parked = Set(contents.holds.values.lazy.filter { $0.guest == nil }.map(\.vf))
    let claimed = ports.claimedVFs.subtracting(parked)
    let pooled = Set(contents.pools.values.lazy.filter { $0.mode == .enforce }.flatMap(\.addresses))
    let suspects = inventory.vfs.filter { vf in
      guard vf.driver == "vfio-pci", let pci = vf.pci, pooled.contains(pci) else { return false }
      return !claimed.contains(pci) && !contents.isLeased(pci) && !ofGuests.contains(pci)
    }
    var found = noteLostVFs(among: Set(suspects.compactMap(\.pci)))
    if !suspects.isEmpty {
      let node = { (vf: VF) in vf.iommuGroup.map { "/dev/vfio/\($0.number)" } }
      let users = await devices.users(of: Set(suspects.compactMap(node)))
      for vf in suspects {
        guard let pci = vf.pci, let user = node(vf).flatMap({ users[$0]?.first }) else { continue }
        found[pci] = "\(user) drives it through vfio"
      }
    }
    foreignUses = found
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
    case .restartUnfinished(let pool):
      return try await endUnfinishedRestart(of: pool)
    case .cardsMoved(let pool, let addresses):
      return try await follow(pool, to: addresses)
    case .strayHold(let port, let pool, _):
      if let hold = contents.holds[port], let guest = hold.guest, turns.holds(guest.uuid, pool) { return false }
      try await dropHold(port: port, in: pool)
    case .holdGone(let port):
      try await commit([.dropHold(port: port)])
    case .trialBrokenOff(let hold):
      return try await endBrokenOffTrial(hold)
    case .portWithoutLease(let port, let pool):
      try await adoptRunning(port, pool)
    case .portLost(let lease):
      guard contents.leases[lease.id] == lease, let port = NetworkPort(lease) else { return false }
      try await networks.claim(port, in: lease.pool)
      notePort(port)
    case .portWithoutGuest(let lease):
      guard contents.leases[lease.id] == lease, let port = lease.port else { return false }
      try await networks.drop(port: port, in: lease.pool)
      forgetPort(port)
      await takeBack(lease)
      try await commit(ending(lease.id, by: .guestGone))
    case .countsLost(let pool):
      return try await remakePorts(of: pool)
    case .onVFIO(let vf):
      return try await giveBack(vf)
    case .vfsGone(let pf, let count):
      guard inventory.pf(named: pf)?.numVFs == 0 else { return false }
      try await links.setVFCount(count, pf: pf)
      await refreshInventory()
    case .countsNotSaved:
      try await saveOwnCounts()
    case .changedOutside(let lease, let settings):
      await putBack(lease.id, settings)
    case .startMissed(let lease):
      guard contents.leases[lease.id] == lease, let port = lease.port.flatMap({ ports[$0] }) else { return false }
      let active = try lease.started(settings: settings(of: port, in: lease.pool))
      try await commit([.updateLease(active)])
      warnOfMissingSettings(active, lease.pool)
    case .fixedWithoutLease(let guest, let fixed):
      return try await adopt(fixed, of: guest)
    case .deviceLeft(let lease):
      guard contents.leases[lease.id] == lease, let vf = lease.vf,
        let live = try await guests.guest(lease.guest.uuid)?.live, !live.description.vfs.contains(vf),
        contents.leases[lease.id] == lease
      else { return false }
      try await returnUnplugged(lease)
    case .returnMissed(let lease):
      guard contents.leases[lease.id] == lease else { return false }
      try await commit(ending(lease.id, by: .released))
    case .leaseWithoutGuest(let lease):
      // A guest that is being prepared right now is not yet listed as running.
      guard !(lease.state == .recorded && isYoung(lease)), contents.leases[lease.id] == lease else {
        if contents.leases[lease.id] == lease { reconcileLater() }
        return false
      }
      if lease.state.hasPort {
        if let port = lease.port { forgetPort(port) }
        await takeBack(lease)
      }
      try await commit(ending(lease.id, by: .guestGone))
    case .offBaseline(let vf, _):
      guard lease(holding: vf) == nil, !ports.isClaimed(vf) else { return false }
      await restore(vf)
    case .noBaseline(let vf):
      guard let id = inventory.vf(at: vf)?.id, let state = try? await links.read(id), lease(holding: vf) == nil,
        !ports.isClaimed(vf), contents.baselines[vf] == nil
      else { return false }
      try await commit([.saveBaseline(Baseline(vf: vf, state: state, taken: now()))])
    case .notParked(var quarantine, let pool):
      guard mayHold, contents.quarantines[quarantine.vf] == quarantine, !ports.isClaimed(quarantine.vf) else {
        return false
      }
      let hold = Hold(port: newUUID(), pool: pool, vf: quarantine.vf, guest: nil)
      quarantine.port = hold.port
      try await commit([.quarantine(quarantine), .addHold(hold)])
      try await park(hold)
    case .hostUseNotParked(let vf, let pool, _):
      guard mayHold, isHostUsed(vf), lease(holding: vf) == nil, !ports.isClaimed(vf) else { return false }
      let hold = Hold(port: newUUID(), pool: pool, vf: vf, guest: nil)
      try await commit([.addHold(hold)])
      try await park(hold)
    case .definedAnew(let guest), .macsOwed(let guest):
      return try await keepMACs(of: guest)
    }
    return true
  }

  /// Whether the start that a lease is for may be under way.
  private func isYoung(_ lease: Lease) -> Bool {
    now().milliseconds - lease.since.milliseconds < Int64(turnLimit / .milliseconds(1))
  }

  /// Once more when the youngest start must have come to its end.
  func reconcileLater() {
    guard pendingReconcile == nil else { return }
    pendingReconcile = Task {
      try? await Task.sleep(for: turnLimit)
      self.pendingReconcile = nil
      self.reconcileSoon()
    }
  }

  /// A guest that got its VF while nobody listened. Its VF is in use: nothing is written to it.
  func adoptRunning(_ port: NetworkPort, _ pool: String) async throws {
    guard let vf = port.vf, !leases(of: port.owner.uuid).contains(where: { $0.port == port.uuid }) else { return }
    notePort(port)
    let recorded = leases(of: port.owner.uuid).first {
      $0.pool == pool && $0.state == .recorded && ($0.mac == port.mac || $0.vf == vf)
    }
    let pick = LeasePick(
      port: port.uuid, vf: vf, vfIndex: inventory.vf(at: vf)?.id, mac: port.mac, portgroup: port.portgroup)
    let begun = recorded ?? begin(port, pool, on: vf)
    let lease = try begun.metRunning(pick, settings: settings(of: port, in: pool))
    try await commit(
      evictions(from: vf, except: recorded?.id)
        + [recorded == nil ? .openLease(lease) : .updateLease(lease), binding(of: lease)])
    warnOfMissingSettings(lease, pool)
  }

  /// What a guest has that was met running. Before libvirt has set MAC and VLAN, what is read isn't the guest's.
  func settings(of port: NetworkPort, in pool: String) -> VFSettings? {
    guard contents.pools[pool]?.mode == .enforce,
      let state = port.vf.flatMap({ inventory.vf(at: $0)?.state }), state.mac == port.mac,
      state.vlan?.id == port.vlan?.id
    else { return nil }
    return VFSettings(state)
  }

  /// A guest that runs without its pool's settings is told of, not changed under its hands.
  func warnOfMissingSettings(_ lease: Lease, _ name: String) {
    guard let pool = contents.pools[name], pool.mode == .enforce, let vf = lease.vf,
      let state = inventory.vf(at: vf)?.state
    else { return }
    let policy = pool.policy(portgroup: lease.portgroup)
    let wanted = contents.baselines[vf].map { setUp($0.state, policy) } ?? policy.early
    let missing = wanted.missing(from: state)
    problems["vf \(vf)"] =
      missing.isEmpty
      ? nil
      : "\(lease.place): guest \(lease.guest.name) runs without \(missing.summary); restart it"
  }
}
