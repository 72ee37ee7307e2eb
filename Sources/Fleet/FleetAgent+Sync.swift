import Logging
import PoolFlows
import PoolModel

/// Makes the store have what this host has.
extension FleetAgent {
  /// How many steps one transaction has at most: etcd takes 128.
  static let stepLimit = 100

  /// What this host had bound when it was last in the fleet.
  func readOwnBindings() async throws(FleetStoreError) {
    for (record, modified) in try await records(ofMACs: macs(under: keys.all(.owned, of: host.name)))
    where record.host == host.name {
      written.bindings[record.mac] = .mine(record, modified: modified)
    }
    for entry in try await store.entries(under: keys.all(.conflicts)).entries {
      guard let (_, words) = keys.parse(entry.key), words[1] == host.name, let mac = MACAddress(words[0]),
        let record = RecordText.record(BindingRecord.self, entry.value)
      else { continue }
      try await noteConflict(of: record, mac)
    }
  }

  /// One pass; whoever pokes meanwhile causes the next.
  func sync(_ manager: PoolManager) async throws {
    let over = claims.filter(\.value.isSettled).keys
    let share = await manager.fleetShare()
    for uuid in over where claims[uuid]?.isSettled == true { claims[uuid] = nil }
    let wanted = share.bindings.mapValues { BindingRecord($0, host: host.name) }
    let outdated = bindingsOutdated(wanted, live: share.live)
    let (liveSteps, live) = liveChanges(share)
    let pools = share.pools.mapValues(PoolRecord.init)
    let poolSteps = poolChanges(pools)
    tell(pending: outdated.count + liveSteps.count + poolSteps.count)
    for mac in outdated { try await write(wanted[mac], mac, isLive: share.live[mac] != nil) }
    for part in (liveSteps + poolSteps).split(by: Self.stepLimit) {
      _ = try await store.commit(.init(then: Array(part)))
    }
    // What a start has taken meanwhile is in `written` already.
    for (mac, record) in live { written.live[mac] = record }
    written.pools = pools
    try await lookAtSharedMACs(share, new: live.compactMap { $0.value == nil ? nil : $0.key })
    tell(pending: 0)
  }

  // MARK: Live MACs, pools

  /// The steps, and what `written` becomes by them; nil = it isn't live.
  private func liveChanges(_ share: FleetShare) -> (steps: [FleetTransaction.Step], [MACAddress: LiveRecord?]) {
    let underWay = Set(claims.values.filter(\.isUnderWay).flatMap(\.live.keys))
    var wanted = share.live.mapValues(LiveRecord.init)
    for claim in claims.values { wanted.merge(claim.live.mapValues(LiveRecord.init)) { mine, _ in mine } }
    var steps: [FleetTransaction.Step] = []
    var changes: [MACAddress: LiveRecord?] = [:]
    for mac in Set(wanted.keys).union(written.live.keys).union(written.doubtful).subtracting(underWay).sorted() {
      let record = wanted[mac]
      guard written.live[mac] != record || written.doubtful.contains(mac) else { continue }
      let key = keys.live(mac, host.name)
      steps.append(record.map { .put(key, RecordText.text(of: $0), lease: lease) } ?? .delete(key))
      changes[mac] = .some(record)
    }
    written.doubtful.formIntersection(underWay)
    return (steps, changes)
  }

  private func poolChanges(_ wanted: [String: PoolRecord]) -> [FleetTransaction.Step] {
    let puts = wanted.sorted { $0.key < $1.key }.filter { written.pools[$0.key] != $0.value }.map {
      FleetTransaction.Step.put(keys.pool($0.key, host.name), RecordText.text(of: $0.value), lease: lease)
    }
    let gone = Set(written.pools.keys).subtracting(wanted.keys).sorted()
    return puts + gone.map { .delete(keys.pool($0, host.name)) }
  }

  /// Nobody was asked when these came to run: on another host they may, too.
  private func lookAtSharedMACs(_ share: FleetShare, new: [MACAddress]) async throws(FleetStoreError) {
    let looked = Set(new).union(liveConflicts.keys)
    for part in looked.sorted().split(by: Self.stepLimit) {
      let answer = try await store.commit(
        .init(then: part.map { .readAll(under: keys.all(.live, of: $0.description)) }))
      for mac in part { liveConflicts[mac] = nil }
      for entry in answer.read {
        guard let (_, words) = keys.parse(entry.key), words[1] != host.name, let mac = MACAddress(words[0]),
          let mine = share.live[mac], let other = RecordText.record(LiveRecord.self, entry.value),
          other.guest.uuid != mine.guest.uuid
        else { continue }
        liveConflicts[mac] =
          "MAC \(mac) of guest \(mine.guest.name) is live on host \(words[1]), too, with guest \(other.guest.name)"
      }
    }
  }

  // MARK: Bindings

  private func bindingsOutdated(
    _ wanted: [MACAddress: BindingRecord], live: [MACAddress: FleetShare.Live]
  ) -> [MACAddress] {
    Set(wanted.keys).union(written.bindings.keys).filter { mac in
      switch (wanted[mac], written.bindings[mac]) {
      case (nil, nil): false
      case (let wanted?, .mine(let record, _)): wanted != record
      // Where the guest runs it takes its binding over.
      case (let wanted?, .shared(let record)): wanted != record || live[mac] != nil
      case (let wanted?, .lost(let record, _)): wanted != record
      case (nil, _), (_, nil): true
      }
    }.sorted()
  }

  private func write(_ wanted: BindingRecord?, _ mac: MACAddress, isLive: Bool) async throws(FleetStoreError) {
    if case .lost = written.bindings[mac] {
      _ = try await store.commit(.init(then: [.delete(keys.conflict(mac, host.name))]))
      written.bindings[mac] = nil
    }
    guard let wanted else { return try await unbind(mac) }
    let key = keys.binding(mac)
    var isTaken = false
    while !isTaken {
      let new = try await store.commit(
        .init(if: [.absent(key)], then: puts(wanted), else: [.read(key)]))
      guard !new.isDone, let entry = new.read.first else {
        if new.isDone { written.bindings[mac] = .mine(wanted, modified: new.revision) }
        isTaken = new.isDone
        continue
      }
      isTaken = try await settle(wanted, entry, isLive: isLive)
    }
  }

  /// Decides between a binding of this host and one that the store has; false: that has changed meanwhile.
  private func settle(_ wanted: BindingRecord, _ entry: FleetEntry, isLive: Bool) async throws(FleetStoreError) -> Bool
  {
    let mac = wanted.mac
    let other = RecordText.record(BindingRecord.self, entry.value)
    var mine = wanted
    var steps: [FleetTransaction.Step] = []
    if let other, other.host != host.name {
      if other.isSameNIC(as: wanted) {
        // Where the guest was last keeps it.
        guard isLive else {
          written.bindings[mac] = .shared(wanted)
          return true
        }
        mine.since = other.since
      } else if wanted.isOlder(than: other) {
        steps.append(.put(keys.conflict(mac, other.host), RecordText.text(of: other)))
      } else {
        _ = try await store.commit(.init(then: [.put(keys.conflict(mac, host.name), RecordText.text(of: wanted))]))
        written.bindings[mac] = .lost(wanted, to: other)
        log.warning(
          "MAC \(mac) of guest \(wanted.guest.name) is bound to \(other.guest.name) on \(other.host), which had it first"
        )
        return true
      }
    }
    // etcd takes each key once in a transaction.
    if let other { steps += Set(indexes(other)).subtracting(indexes(mine)).sorted().map { .delete($0) } }
    let answer = try await store.commit(
      .init(if: [.unchanged(entry.key, since: entry.modified)], then: steps + puts(mine)))
    if answer.isDone {
      written.bindings[mac] = .mine(mine.since == wanted.since ? mine : wanted, modified: answer.revision)
    }
    return answer.isDone
  }

  private func unbind(_ mac: MACAddress) async throws(FleetStoreError) {
    defer { written.bindings[mac] = nil }
    guard case .mine(let record, let modified) = written.bindings[mac] else { return }
    let key = keys.binding(mac)
    let conflicts = try await store.entries(under: keys.all(.conflicts, of: mac.description)).entries
    // Whoever gave way may have it now.
    _ = try await store.commit(
      .init(
        if: [.unchanged(key, since: modified)],
        then: [.delete(key)] + indexes(record).map { .delete($0) } + conflicts.map { .delete($0.key) }))
  }

  private func puts(_ record: BindingRecord) -> [FleetTransaction.Step] {
    [.put(keys.binding(record.mac), RecordText.text(of: record))] + indexes(record).map { .put($0, "") }
  }

  private func indexes(_ record: BindingRecord) -> [String] {
    [keys.owned(record.host, record.mac), keys.byName(record.guest.name, record.mac)]
      + (record.guest.uuid.map { [keys.byGuest($0, record.mac)] } ?? [])
  }

  // MARK: Conflicts

  /// Another host's older binding has taken the place of one of this host's.
  func noteConflict(of record: BindingRecord, _ mac: MACAddress) async throws(FleetStoreError) {
    guard let winner = try await records(ofMACs: [mac]).first?.record, winner.host != host.name else { return }
    written.bindings[mac] = .lost(record, to: winner)
  }

  /// A conflict has been settled: perhaps the MAC is to be had again.
  func noteConflictOver(_ mac: MACAddress) {
    guard case .lost = written.bindings[mac] else { return }
    written.bindings[mac] = nil
    contentsChanged()
  }
}
