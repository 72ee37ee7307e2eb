import LibvirtXML
import Logging
import PoolModel

/// What the kernel tells by itself: PFs losing their carrier, VFs changed by somebody else, VFs coming and going.
extension PoolManager {
  // MARK: Events

  /// A link of the host's cards has changed; `carrier` as in `PF.carrier`.
  public func linkChanged(ifindex: Int32, name: String, carrier: Bool?) async {
    guard let place = inventory.pfs.firstIndex(where: { $0.ifindex == ifindex }) else { return }
    inventory.pfs[place].carrier = carrier
    note(carrier: carrier, of: inventory.pfs[place].name)
    if inventory.pfs[place].name != name {
      log.notice("PF \(inventory.pfs[place].name) is called \(name) now")
      await refreshInventory()
      reconcileSoon()
    }
    if let pf = inventory.pfs.first(where: { $0.ifindex == ifindex }) { lookForOutsideChangesSoon(at: [pf.name]) }
  }

  public func linkGone(ifindex: Int32) {
    if inventory.pfs.contains(where: { $0.ifindex == ifindex }) { devicesChanged() }
  }

  /// The netdev of a VF has come, changed or gone (`ifindex` nil). `isUsed`: the message shows that the host uses it.
  public func netdevChanged(of vf: PCIAddress, ifindex: Int32?, isUsed: Bool) {
    guard let place = inventory.place(of: vf) else { return }
    inventory.vfs[place].ifindex = ifindex
    // Of addresses and of what is on top of it the message says nothing.
    if !isUsed, inventory.vfs[place].hostUse?.hasPrefix("is in ") == false { return }
    hostUseMayDiffer(of: vf, isUsed: isUsed)
  }

  /// An address has come to a netdev (`isUsed`) or gone from it, or another interface has been put on top of it.
  public func useChanged(ofNetdev ifindex: Int32, isUsed: Bool) {
    guard let vf = inventory.vfs.first(where: { $0.ifindex == ifindex })?.pci else { return }
    hostUseMayDiffer(of: vf, isUsed: isUsed)
  }

  /// A driver was bound to a VF, by libvirt or by somebody else.
  public func driverBound(to vf: PCIAddress, isVFIO: Bool) {
    if isVFIO || foreignUses[vf] != nil { hostUseMayDiffer(of: vf, isUsed: isVFIO) }
  }

  /// Which VFs are the host's own only a whole look tells.
  private func hostUseMayDiffer(of vf: PCIAddress, isUsed: Bool) {
    guard isUsed != isHostUsed(vf), lease(holding: vf) == nil,
      contents.pools.values.contains(where: { $0.mode == .enforce && $0.addresses.contains(vf) })
    else { return }
    devicesChanged()
  }

  /// PCI devices have come or gone, or messages of the kernel were lost.
  public func devicesChanged() {
    // A PF's VFs come and go by the dozen, and aren't ready before the last has come.
    reconcileOnceSettled()
  }

  /// Reconciles when nothing more has come for a while.
  func reconcileOnceSettled() {
    deviceChanges.note()
    guard pendingDeviceLook == nil else { return }
    pendingDeviceLook = Task {
      while let rest = self.deviceChanges.rest(self.watchPatience.settle) { try? await Task.sleep(for: rest) }
      self.pendingDeviceLook = nil
      self.deviceChanges = Settling()
      self.reconcileSoon()
    }
  }

  public func messagesLost() async {
    await refreshInventory()
    devicesChanged()
    lookForOutsideChangesSoon(at: watchedPFs)
  }

  // MARK: Carrier

  /// What an inventory that was just read tells of carriers; `before`: the one that it takes the place of.
  func noteCarriers(since before: HostInventory) {
    for pf in inventory.pfs {
      if let known = before.pf(named: pf.name), known.numVFs != pf.numVFs { forgetLosses(of: pf.name) }
      note(carrier: pf.carrier, of: pf.name)
    }
    let names = Set(inventory.pfs.map(\.name))
    unhealthyPFs.formIntersection(names)
    pfsSeenUp.formIntersection(names)
    losses = losses.filter { names.contains($0.key) }
    for gone in recoveries.keys where !names.contains(gone) { recoveries.removeValue(forKey: gone)?.cancel() }
  }

  /// A PF is unhealthy as soon as its carrier is gone, and healthy again when it has been back for a while, the longer the
  /// more often it went: a link that flaps doesn't get guests at every flap.
  func note(carrier: Bool?, of pf: String) {
    switch carrier {
    case false?:
      let wasBack = recoveries.removeValue(forKey: pf).map { $0.cancel() } != nil
      guard unhealthyPFs.insert(pf).inserted || wasBack else { return }
      losses[pf] = recentLosses(of: pf) + [.now]
      log.warning("PF \(pf) has no carrier")
      tell(.carrierLost, "PF \(pf) has no carrier", .init(pf: pf))
    case true? where pfsSeenUp.insert(pf).inserted:
      unhealthyPFs.remove(pf)
    case true?:
      guard unhealthyPFs.contains(pf), recoveries[pf] == nil else { return }
      let pause = watchPatience.recovery * (1 << min(max(recentLosses(of: pf).count, 1) - 1, 6))
      recoveries[pf] = Task {
        do { try await Task.sleep(for: pause) } catch { return }
        self.recovered(pf)
      }
    case nil: recoveries.removeValue(forKey: pf)?.cancel()
    }
  }

  /// A card takes its link down and up again when its VFs come or go: that is no flapping.
  private func forgetLosses(of pf: String) {
    losses[pf] = nil
    pfsSeenUp.remove(pf)
    recoveries.removeValue(forKey: pf)?.cancel()
  }

  private func recentLosses(of pf: String) -> [ContinuousClock.Instant] {
    losses[pf, default: []].filter { ContinuousClock.now - $0 < watchPatience.memory }
  }

  private func recovered(_ pf: String) {
    guard !Task.isCancelled else { return }
    recoveries[pf] = nil
    guard inventory.pf(named: pf)?.carrier == true else { return }
    unhealthyPFs.remove(pf)
    log.notice("PF \(pf) has its carrier back")
    tell(.carrierBack, "PF \(pf) has its carrier back", .init(pf: pf))
  }

  /// What placement is told; nil = the carrier plays no part.
  func carrier(of pf: PF, for pool: Pool) -> Bool? {
    // A bond carries on with its other links, and it is for it to say which.
    if pool.whenDown == .ignore || pf.bond != nil { return nil }
    return unhealthyPFs.contains(pf.name) ? false : pf.carrier
  }

  /// In words, for each PF without carrier the pools that feel it.
  var carrierProblems: [String] {
    inventory.pfs.filter { unhealthyPFs.contains($0.name) }.compactMap { pf in
      let mine = Set(inventory.vfs.filter { $0.id.pf == pf.name }.compactMap(\.pci))
      let pools = contents.pools.values.filter { pool in
        pool.mode == .enforce && carrier(of: pf, for: pool) == false && pool.addresses.contains(where: mine.contains)
      }
      guard !pools.isEmpty else { return nil }
      let names = pools.map(\.name).sorted().joined(separator: ", ")
      let refuses = pools.contains { $0.whenDown == .refuse }
      return "PF \(pf.name) \(pf.carrier == true ? "had no carrier a moment ago" : "has no carrier"): its VFs in pools "
        + "\(names) are handed out \(refuses ? "last, and not at all in pools that say refuse" : "last")"
    }
  }

  // MARK: Outside changes

  /// PFs of which a VF is with a guest, and it is known what the guest was given.
  private var watchedPFs: Set<String> { Set(contents.leases.values.lazy.filter(isWatched).compactMap(\.vfIndex?.pf)) }

  private func isWatched(_ lease: Lease) -> Bool {
    lease.state == .active && lease.settings != nil && contents.pools[lease.pool]?.mode == .enforce
  }

  /// The kernel says that a PF changed, not which of its VFs, and libvirt's own writes are among the causes.
  func lookForOutsideChangesSoon(at pfs: Set<String>) {
    let mine = pfs.intersection(watchedPFs)
    guard !mine.isEmpty else { return }
    changedPFs.formUnion(mine)
    linkChanges.note()
    guard pendingLook == nil else { return }
    pendingLook = Task {
      while let rest = self.linkChanges.rest(self.watchPatience.settle) { try? await Task.sleep(for: rest) }
      let pfs = self.changedPFs
      self.pendingLook = nil
      self.linkChanges = Settling()
      self.changedPFs = []
      await self.lookForOutsideChanges(at: pfs)
    }
  }

  /// What the inventory, just read, has of a lease's VF otherwise than it was given: looked at once more.
  func lookAtChangedLeasesSoon() { lookForOutsideChangesSoon(at: pfs(of: changedLeases().keys)) }

  private func pfs(of leases: some Sequence<Int64>) -> Set<String> {
    Set(leases.compactMap { contents.leases[$0]?.vfIndex?.pf })
  }

  /// A change counts when it is seen twice while the guest runs.
  ///
  /// `pfs`: whose VFs are read; nil = all that are watched.
  func lookForOutsideChanges(at pfs: Set<String>? = nil) async {
    let pfs = pfs ?? watchedPFs
    for pf in pfs.sorted() {
      do {
        take(try await links.states(of: pf), of: pf)
      } catch {
        // It is gone, or renamed: reconciling will see.
        log.notice("PF \(pf) could not be read: \(error)")
      }
    }
    guard adminWrites == 0 else { return lookForOutsideChangesSoon(at: pfs) }
    let found = changedLeases()
    var confirmed = found.filter { suspectedChanges[$0.key] == $0.value }
    let isFresh = confirmed.count < found.count
    suspectedChanges = found
    unmendableChanges = unmendableChanges.filter { found[$0.key] == $0.value }
    if confirmed.contains(where: { outsideChanges[$0.key] != $0.value || mayPutBack($0.key, $0.value) }) {
      // When a guest stops, libvirt takes MAC and VLAN from its VFs seconds before it deletes the ports; as long as it
      // is at that, this waits.
      guard isConnected, let running = try? await guests.running() else { return reconcileSoon() }
      let vfs = Dictionary(running.map { ($0.guest.uuid, $0.vfs) }, uniquingKeysWith: { a, _ in a })
      confirmed = confirmed.filter { id, _ in
        guard let lease = contents.leases[id], lease.state == .active, let vf = lease.vf else { return false }
        return vfs[lease.guest.uuid]?.contains(vf) == true
      }
    }
    for (id, missing) in confirmed.sorted(by: { $0.key < $1.key }) where outsideChanges[id] != missing {
      guard let lease = contents.leases[id] else { continue }
      log.warning("\(outsideChange(lease, missing))")
    }
    outsideChanges = confirmed
    for (id, missing) in confirmed.sorted(by: { $0.key < $1.key }) where mayPutBack(id, missing) {
      await putBack(id, missing)
    }
    if isFresh { lookForOutsideChangesSoon(at: self.pfs(of: found.keys)) }
  }

  private func take(_ states: [Int: VFState], of pf: String) {
    for place in inventory.vfs.indices where inventory.vfs[place].id.pf == pf {
      if let state = states[inventory.vfs[place].id.index] { inventory.vfs[place].state = state }
    }
  }

  /// What each lease's VF has lost of its settings, by lease.
  private func changedLeases() -> [Int64: VFSettings] {
    contents.leases.compactMapValues(lostSettings)
  }

  private func lostSettings(of lease: Lease) -> VFSettings? {
    guard isWatched(lease), let settings = lease.settings, let state = lease.vf.flatMap({ inventory.vf(at: $0)?.state })
    else { return nil }
    var missing = settings.missing(from: state)
    // A trusted guest may choose its MAC.
    if settings.trust == true { missing.mac = nil }
    return missing.isEmpty ? nil : missing
  }

  private func mayPutBack(_ id: Int64, _ missing: VFSettings) -> Bool {
    guard let lease = contents.leases[id], contents.pools[lease.pool]?.enforcesOutsideChanges == true else {
      return false
    }
    return unmendableChanges[id] != missing
  }

  /// What leased VFs of pools with `enforce="yes"` have lost, as the inventory, just read, shows it.
  func outsideChangeDrifts(_ running: [String: GuestDescription]) -> [Drift] {
    guard adminWrites == 0 else { return [] }
    return changedLeases().sorted { $0.key < $1.key }.compactMap { id, missing in
      guard mayPutBack(id, missing), let lease = contents.leases[id], let vf = lease.vf,
        running[lease.guest.uuid]?.vfs.contains(vf) == true
      else { return nil }
      return .changedOutside(lease, missing)
    }
  }

  func putBack(_ id: Int64, _ missing: VFSettings) async {
    guard let lease = contents.leases[id], isGuests(lease), adminWrites == 0,
      let vf = lease.vf.flatMap({ inventory.vf(at: $0)?.id }), lostSettings(of: lease) == missing
    else { return }
    do {
      try await links.write(missing, to: vf)
      let left = missing.missing(from: try await links.read(vf))
      // It ended meanwhile: the VF is looked at once more.
      guard isGuests(lease) else { return reconcileSoon() }
      if left.isEmpty {
        outsideChanges[id] = nil
        suspectedChanges[id] = nil
        return log.notice("\(vf) of guest \(lease.guest.name) is put back: \(missing.summary)")
      }
      log.error("\(vf) of guest \(lease.guest.name) did not take \(left.summary)")
    } catch {
      log.error("\(vf) of guest \(lease.guest.name) could not be put back to \(missing.summary): \(error)")
    }
    unmendableChanges[id] = missing
  }

  /// Whether the lease is as it was, and libvirt still has its port.
  private func isGuests(_ lease: Lease) -> Bool {
    contents.leases[lease.id] == lease && lease.port.map { ports[$0] != nil } == true
  }

  /// In words, each outside change that still stands.
  var outsideChangeProblems: [String] {
    outsideChanges.keys.sorted().compactMap { id in
      guard let lease = contents.leases[id], let missing = lostSettings(of: lease) else { return nil }
      return outsideChange(lease, missing)
    }
  }

  private func outsideChange(_ lease: Lease, _ missing: VFSettings) -> String {
    let state = lease.vf.flatMap { inventory.vf(at: $0)?.state }
    let now = state.map { VFSettings($0).restricted(to: missing).summary } ?? "unknown"
    return
      "\(lease.place) was changed under guest \(lease.guest.name): it has \(now), the "
      + "guest was given \(missing.summary)"
  }
}

/// A burst of messages that is left to settle before it is acted on.
struct Settling {
  private var first: ContinuousClock.Instant?
  private var last = ContinuousClock.now

  mutating func note() {
    last = .now
    first = first ?? last
  }

  /// How long to wait yet: until `pause` after the last message, but no longer than five times that after the first; nil =
  /// no more.
  func rest(_ pause: Duration) -> Duration? {
    guard let first else { return nil }
    let rest = min(last + pause, first + pause * 5) - .now
    return rest > .zero ? rest : nil
  }
}
