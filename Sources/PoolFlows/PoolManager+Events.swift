import Logging
import PoolModel

/// What is told to those who watch, and counted.
extension PoolManager {
  /// From now on `watcher` is told of each event, beginning with those after `number` that are still known; it must not
  /// block. Returns what `endWatch` takes; nil: too many watch already.
  public func watch(after number: Int64?, _ watcher: @escaping @Sendable (PoolEvent) -> Void) -> Int64? {
    feed.add(after: number, watcher)
  }

  public var hasRoomToWatch: Bool { feed.hasRoom }
  public var watcherCount: Int { feed.watcherCount }

  public func endWatch(_ watcher: Int64) { feed.remove(watcher) }

  public func tallyNow() -> Tally { tally }

  func tell(_ kind: PoolEvent.Kind, _ message: String, _ subject: PoolEvent.Subject = .init()) {
    feed.tell(kind, message, subject, at: now())
  }

  /// A refusal that is about to be given.
  func note(_ refusal: Refusal) {
    log.notice("refused: \(refusal.text)")
    tally.refusals[.init(pool: refusal.pool, reason: refusal.reason), default: 0] += 1
    tell(
      .refused, refusal.text, .init(pool: refusal.pool, guest: refusal.guest, reason: refusal.reason.rawValue))
  }

  func noteRepaired(_ drift: Drift) {
    tally.drifts[drift.kind, default: 0] += 1
    tell(.repaired, "\(drift)", .init(reason: drift.kind))
  }

  func noteFailure(_ failure: String, of drift: Drift) {
    tally.repairFailures += 1
    tell(.drift, failure, .init(reason: drift.kind))
  }

  /// Called before memory takes the change.
  func tell(of change: LedgerChange) {
    switch change {
    case .openLease(let lease):
      tell(
        .leaseOpened, "guest \(lease.guest.name) is to have \(lease.vfWords) of pool \(lease.pool)", .init(lease))
      if lease.state == .active { tellActive(lease) }
    case .updateLease(let lease):
      if lease.state == .active, contents.leases[lease.id]?.state != .active { tellActive(lease) }
    case .closeLease(let id, _, let end):
      guard let lease = contents.leases[id] else { return }
      tally.leasesEnded[.init(pool: lease.pool, outcome: lease.state.outcome.rawValue), default: 0] += 1
      tell(
        .leaseClosed, "guest \(lease.guest.name) no longer has \(lease.vfWords) of pool \(lease.pool): \(end.rawValue)",
        .init(lease, reason: end.rawValue))
    case .quarantine(let quarantine):
      guard contents.quarantines[quarantine.vf]?.why != quarantine.why else { return }
      let id = inventory.vf(at: quarantine.vf)?.id
      if let pf = id?.pf { tally.quarantines[pf, default: 0] += 1 }
      tell(
        .quarantined, "VF \(words(for: quarantine.vf)) is quarantined: \(quarantine.why)",
        .init(pool: poolName(of: quarantine.vf), vf: id, pci: quarantine.vf, reason: quarantine.why))
    case .unquarantine(let vf):
      guard contents.quarantines[vf] != nil else { return }
      tell(
        .unquarantined, "VF \(words(for: vf)) is out of quarantine",
        .init(pool: poolName(of: vf), vf: inventory.vf(at: vf)?.id, pci: vf))
    case .savePool(let pool, _):
      guard contents.pools[pool.name] != pool else { return }
      let what = contents.pools[pool.name] == nil ? "is a pool now" : "has changed"
      tell(.poolSaved, "network \(pool.name) \(what) (\(pool.mode.rawValue))", .init(pool: pool.name))
    case .removePool(let name):
      guard contents.pools[name] != nil else { return }
      tell(.poolRemoved, "pool \(name) is no pool any more", .init(pool: name))
    case .bind(let binding):
      guard contents.bindings[binding.key]?.mac != binding.mac else { return }
      tell(
        .macBound, "MAC \(binding.mac) belongs to NIC \(binding.nic) of guest \(binding.guest.name) in \(binding.pool)",
        .init(binding))
    case .unbind(let key):
      guard let binding = contents.bindings[key] else { return }
      tell(.macUnbound, "MAC \(binding.mac) of guest \(binding.guest.name) is nobody's", .init(binding))
    case .saveBaseline, .forgetBaseline, .addHold, .dropHold, .keepCount, .forgetCount: break
    }
  }

  private func tellActive(_ lease: Lease) {
    tell(
      .leaseActive, "guest \(lease.guest.name) has \(lease.vfWords) of pool \(lease.pool) with MAC \(lease.mac)",
      .init(lease))
  }

  private func words(for vf: PCIAddress) -> String { inventory.vf(at: vf).map { "\($0.id) (\(vf))" } ?? "\(vf)" }
}

extension Lease {
  /// `enp1s0/3`, its address when the place isn't known, or `a VF` before one is chosen.
  fileprivate var vfWords: String { vfIndex.map { "\($0)" } ?? vf.map { "\($0)" } ?? "a VF" }
}

extension PoolEvent.Subject {
  fileprivate init(_ binding: MACBinding) {
    self.init(
      pool: binding.pool, guest: binding.guest.uuid.map { GuestID(name: binding.guest.name, uuid: $0) },
      mac: binding.mac)
  }
}
