import Logging
import PoolFlows
import PoolModel

/// Makes the store have what is bound here, and the ledger what has become of it elsewhere.
extension FleetAgent {
  // MARK: Coming back

  /// What this host had bound when it was last in the fleet. What a machine of the same name had that was here before, or
  /// what a ledger had that is lost, isn't taken back: the guests may be defined again.
  func readOwnBindings() async throws(FleetStoreError) {
    let prefix = keys.all(.owned, of: host.name)
    let mine = try await store.entries(under: prefix).entries.filter { $0.value == host.ledger }.compactMap {
      MACAddress(String($0.key.dropFirst(prefix.count)))
    }
    for (record, modified) in try await records(ofMACs: mine) where record.host == host.name {
      written.bindings[record.mac] = .mine(record, modified: modified)
    }
    for entry in try await store.entries(under: keys.all(.conflicts)).entries {
      guard let (_, words) = keys.parse(entry.key), words[1] == host.name, let mac = MACAddress(words[0]),
        let record = RecordText.record(BindingRecord.self, entry.value)
      else { continue }
      try await noteConflict(of: record, mac)
    }
  }

  /// Whether this host has been forgotten meanwhile.
  func noteAbsence() async throws(FleetStoreError) {
    guard let entry = try await store.commit(.init(then: [.read(keys.forgotten(host.name))])).read.first else { return }
    givesWay = true
    let by = RecordText.record(ForgottenRecord.self, entry.value)?.by ?? "somebody"
    log.notice("\(by) has had this host forgotten in the fleet: its MAC bindings give way to those of others")
  }

  /// All that this host had bound has given way, in the ledger, too.
  func noteReturn() async throws(FleetStoreError) {
    guard givesWay, retries.isEmpty else { return }
    try await commit([.delete(keys.forgotten(host.name))])
    givesWay = false
  }

  /// Changes what the ledger has of a MAC. What it doesn't take now is tried again later; this host stays in the fleet.
  private func changing(
    _ mac: MACAddress, _ manager: PoolManager, _ change: (PoolManager) async throws -> Void
  ) async {
    // First: the ledger wakes the next pass even when it fails.
    retries[mac] = .now + Self.retryInterval
    do {
      try await change(manager)
      retries[mac] = nil
      contentsChanged()
    } catch {
      log.warning("MAC \(mac): the ledger can't follow the fleet, which is tried again: \(error)")
    }
  }

  // MARK: Told to the store

  /// How long after the ledger has refused something it is tried again.
  private static let retryInterval = Duration.seconds(15)

  func bindingsOutdated(
    _ wanted: [MACAddress: BindingRecord], live: [MACAddress: FleetShare.Live]
  ) -> [MACAddress] {
    Set(wanted.keys).union(written.bindings.keys).filter { mac in
      if let time = retries[mac], time > .now { return false }
      return switch (wanted[mac], written.bindings[mac]) {
      case (nil, nil): false
      case (let wanted?, .mine(let record, _)): wanted != record
      // Where the guest runs it takes its binding over.
      case (let wanted?, .shared(let record)): wanted != record || Self.runs(wanted, live)
      case (let wanted?, .lost(let record, _)): wanted != record
      case (nil, _), (_, nil): true
      }
    }.sorted()
  }

  /// Whether the binding's guest runs here with its MAC.
  static func runs(_ binding: BindingRecord, _ live: [MACAddress: FleetShare.Live]) -> Bool {
    live[binding.mac].map { BoundGuest($0.guest).isSame(as: binding.guest) } ?? false
  }

  func write(
    _ wanted: BindingRecord?, _ mac: MACAddress, isLive: Bool, _ manager: PoolManager
  ) async throws(FleetStoreError) {
    retries[mac] = nil
    if case .lost(let mine, _) = written.bindings[mac] {
      // Nor is it to come back from another host that has it, too.
      let isOver = !(wanted?.guest.isSame(as: mine.guest) ?? false)
      let gone = isOver ? [try await unboundStep(mine)] : []
      try await commit([.delete(keys.conflict(mac, host.name))] + gone)
      written.bindings[mac] = nil
    }
    guard let wanted else { return try await unbind(mac) }
    let (key, unbound) = (keys.binding(mac), keys.unbound(mac, since: wanted.since))
    var conditions = [FleetTransaction.Condition.absent(key), .absent(unbound)]
    var isFirst = true
    while true {
      let new = try await commit(.init(if: conditions, then: puts(wanted), else: [.read(key), .read(unbound)]))
      if new.isDone { return note(wanted, modified: new.revision) }
      let gone = new.read.first { $0.key == unbound }.flatMap { RecordText.record(UnboundRecord.self, $0.value) }
      if let gone, gone.guest.isSame(as: wanted.guest) {
        written.bindings[mac] = nil
        // The guest that runs with it binds it anew.
        await changing(mac, manager) {
          if isLive {
            try await $0.setSince(now(), of: mac, wanted.guest)
          } else {
            try await $0.forget(mac, of: wanted.guest, asOn: gone.by)
          }
        }
        return
      }
      if let entry = new.read.first(where: { $0.key == key }) {
        if try await settle(wanted, entry, isLive: isLive, isFirst: isFirst, manager) { return }
        isFirst = false
      } else {
        // What was unbound is another guest's, by a coincidence.
        conditions = [.absent(key)]
      }
    }
  }

  /// Decides between a binding of this host and one that the store has; false: that has changed meanwhile.
  private func settle(
    _ wanted: BindingRecord, _ entry: FleetEntry, isLive: Bool, isFirst: Bool, _ manager: PoolManager
  ) async throws(FleetStoreError) -> Bool {
    let mac = wanted.mac
    let other = RecordText.record(BindingRecord.self, entry.value)
    var mine = wanted
    var steps: [FleetTransaction.Step] = []
    if let other, other.guest.isSame(as: wanted.guest) {
      // It is one binding, so all hosts have the same of when it was made.
      mine.since = other.since
      var isTheirs = other.host != host.name
      if isTheirs, isLive { isTheirs = try await runsSinceLater(other) }
      if isTheirs {
        // What was read may be of a host that has been forgotten just now.
        if isFirst, let forgotten = forgottenHosts[other.host], entry.modified < forgotten { return false }
        written.bindings[mac] = .shared(mine)
        await adopt(mine, wanted, manager)
        return true
      }
    } else if let other, other.host != host.name {
      guard wanted.isOlder(than: other) else { return try await giveWay(wanted, to: other, entry) }
      if givesWay, let since = other.since {
        // Next time it isn't the older one, either.
        mine.since = Timestamp(milliseconds: since.milliseconds + 1)
        guard try await giveWay(mine, to: other, entry) else { return false }
        await adopt(mine, wanted, manager)
        return true
      }
      steps.append(.put(keys.conflict(mac, other.host), RecordText.text(of: other)))
    } else if let other, await !manager.binds(mac, to: other.guest) {
      steps.append(try await unboundStep(other))
    }
    // etcd takes each key once in a transaction.
    if let other { steps += Set(indexes(other)).subtracting(indexes(mine)).sorted().map { .delete($0) } }
    let answer = try await commit(
      .init(if: [.unchanged(entry.key, since: entry.modified)], then: steps + puts(mine)))
    guard answer.isDone else { return false }
    note(mine, modified: answer.revision)
    await adopt(mine, wanted, manager)
    return true
  }

  /// Whether the guest runs on the other host, too, and came there later: in a migration, or after one was started twice.
  private func runsSinceLater(_ other: BindingRecord) async throws(FleetStoreError) -> Bool {
    let entries = try await store.commit(.init(then: [.readAll(under: keys.all(.live, of: other.mac.description))]))
      .read
    func came(_ name: String) -> Int64? {
      entries.first {
        $0.key == keys.live(other.mac, name)
          && liveRecord($0).map { BoundGuest($0.record.guest).isSame(as: other.guest) } == true
      }?.modified
    }
    guard let theirs = came(other.host) else { return false }
    return theirs > came(host.name) ?? 0
  }

  /// The store has a binding of this host, unless it has been told meanwhile that it is gone.
  private func note(_ mine: BindingRecord, modified: Int64) {
    if let gone = goneBindings[mine.mac], gone > modified { return contentsChanged() }
    written.bindings[mine.mac] = .mine(mine, modified: modified)
  }

  /// Into the ledger, when its binding was made.
  private func adopt(_ mine: BindingRecord, _ wanted: BindingRecord, _ manager: PoolManager) async {
    guard mine.since != wanted.since else { return }
    await changing(mine.mac, manager) { try await $0.setSince(mine.since, of: mine.mac, mine.guest) }
  }

  private func giveWay(
    _ mine: BindingRecord, to other: BindingRecord, _ entry: FleetEntry
  ) async throws(FleetStoreError) -> Bool {
    let answer = try await commit(
      .init(
        if: [.unchanged(entry.key, since: entry.modified)],
        then: [.put(keys.conflict(mine.mac, host.name), RecordText.text(of: mine))]))
    guard answer.isDone else { return false }
    written.bindings[mine.mac] = .lost(mine, to: other)
    log.warning(
      "MAC \(mine.mac) of guest \(mine.guest.name) is bound to \(other.guest.name) on \(other.host), which had it first"
    )
    return true
  }

  private func unbind(_ mac: MACAddress) async throws(FleetStoreError) {
    defer { written.bindings[mac] = nil }
    guard case .mine(let record, let modified) = written.bindings[mac] else { return }
    _ = try await delete(record, since: modified, and: [unboundStep(record)])
  }

  private func unboundStep(_ record: BindingRecord) async throws(FleetStoreError) -> FleetTransaction.Step {
    let lease = try await leaseOfUnbound()
    let gone = UnboundRecord(guest: record.guest, by: host.name)
    return .put(keys.unbound(record.mac, since: record.since), RecordText.text(of: gone), lease: lease)
  }

  /// One serves a day.
  private func leaseOfUnbound() async throws(FleetStoreError) -> Int64 {
    if let (lease, time) = unboundLease, time + .seconds(86_400) > .now { return lease }
    let lease = try await store.grantLease(seconds: UnboundRecord.days * 86_400)
    unboundLease = (lease, .now)
    return lease
  }

  /// Deletes a binding unless it has changed since, or `conditions` don't hold.
  func delete(
    _ record: BindingRecord, since modified: Int64, if conditions: [FleetTransaction.Condition] = [],
    and others: [FleetTransaction.Step] = []
  ) async throws(FleetStoreError) -> Bool {
    let key = keys.binding(record.mac)
    let answer = try await commit(
      .init(
        if: conditions + [.unchanged(key, since: modified)],
        then: [.delete(key)] + indexes(record).map { .delete($0) } + others))
    guard answer.isDone else { return false }
    // Whoever gave way may have it now.
    let conflicts = try await store.entries(under: keys.all(.conflicts, of: record.mac.description)).entries
    try await commit(conflicts.map { .delete($0.key) })
    return true
  }

  /// Another host has unbound a MAC that this one knows as bound there.
  func noteUnbound(_ mac: MACAddress, _ gone: UnboundRecord, _ manager: PoolManager) async {
    guard case .shared(let record) = written.bindings[mac], gone.guest.isSame(as: record.guest) else { return }
    written.bindings[mac] = nil
    await changing(mac, manager) { try await $0.forget(mac, of: record.guest, asOn: gone.by) }
  }

  /// A host is no more: what it had bound may be this host's.
  func noteForgotten(_ name: String, at revision: Int64) {
    forgottenHosts[name] = revision
    // It may have been another's since this host was told last.
    for case (let mac, .shared) in written.bindings { written.bindings[mac] = nil }
    contentsChanged()
  }

  private func puts(_ record: BindingRecord) -> [FleetTransaction.Step] {
    [.put(keys.binding(record.mac), RecordText.text(of: record))]
      + indexes(record).map { .put($0, $0 == keys.owned(record.host, record.mac) ? host.ledger : "") }
  }

  private func indexes(_ record: BindingRecord) -> [String] {
    [keys.owned(record.host, record.mac), keys.byName(record.guest.name, record.mac)]
      + (record.guest.uuid.map { [keys.byGuest($0, record.mac)] } ?? [])
  }

  /// Another host has taken a binding over, or it is gone.
  func noteBindingGone(_ mac: MACAddress, at revision: Int64) {
    goneBindings[mac] = revision
    guard case .mine(_, let modified) = written.bindings[mac], modified < revision else { return }
    written.bindings[mac] = nil
    contentsChanged()
  }

  // MARK: Conflicts

  /// Another host's older binding has taken the place of one of this host's.
  func noteConflict(of record: BindingRecord, _ mac: MACAddress) async throws(FleetStoreError) {
    guard let winner = try await records(ofMACs: [mac]).first?.record, winner.host != host.name else {
      return try await commit([.delete(keys.conflict(mac, host.name))])
    }
    written.bindings[mac] = .lost(record, to: winner)
  }

  /// A conflict has been settled: perhaps the MAC is to be had again.
  func noteConflictOver(_ mac: MACAddress) {
    guard case .lost = written.bindings[mac] else { return }
    written.bindings[mac] = nil
    contentsChanged()
  }
}
