import Logging
import PoolFlows
import PoolModel

/// Makes the store have what this host has.
extension FleetAgent {
  /// How many steps one transaction has at most: etcd takes 128.
  static let stepLimit = 100

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

  /// If this host has been forgotten meanwhile, others come first from now on.
  func comeBack(_ manager: PoolManager) async throws {
    let key = keys.forgotten(host.name)
    guard let entry = try await store.commit(.init(then: [.read(key)])).read.first else { return }
    if let record = RecordText.record(ForgottenRecord.self, entry.value) {
      try await manager.renewBindings(madeBefore: record.at)
      log.notice("\(record.by) has had this host forgotten in the fleet: its MAC bindings count as made now")
    }
    try await commit([.delete(key)])
  }

  // MARK: One pass

  /// One pass; whoever pokes meanwhile causes the next. `isFirst`: of this stay in the fleet.
  func sync(_ manager: PoolManager, isFirst: Bool = false) async throws {
    let over = claims.filter(\.value.isSettled).keys
    let share = await manager.fleetShare()
    for uuid in over where claims[uuid]?.isSettled == true { claims[uuid] = nil }
    try await writeLive(share)
    let wanted = share.bindings.mapValues { BindingRecord($0, host: host.name) }
    let outdated = bindingsOutdated(wanted, live: share.live)
    let void = isFirst ? try await unboundMeanwhile(outdated.compactMap { wanted[$0] }) : []
    for mac in outdated {
      if let record = wanted[mac], void.contains(mac), share.live[mac] == nil {
        try await forget(record, manager)
      } else {
        try await write(wanted[mac], mac, isLive: share.live[mac] != nil)
      }
    }
    tellConflicts()
  }

  /// How many of this host's records the store hasn't got yet.
  public var pending: Int {
    get async {
      guard let manager else { return 0 }
      let share = await manager.fleetShare()
      let wanted = share.bindings.mapValues { BindingRecord($0, host: host.name) }
      return bindingsOutdated(wanted, live: share.live).count + liveChanges(share).count
        + poolChanges(share.pools.mapValues(PoolRecord.init)).count
    }
  }

  // MARK: Live MACs, pools

  private func writeLive(_ share: FleetShare) async throws(FleetStoreError) {
    if !written.doubtful.isEmpty { try await moveFence() }
    let live = liveChanges(share)
    let pools = share.pools.mapValues(PoolRecord.init)
    let liveSteps = live.sorted { $0.key < $1.key }.map { mac, record in
      let key = keys.live(mac, host.name)
      return record.map { FleetTransaction.Step.put(key, RecordText.text(of: $0), lease: lease) } ?? .delete(key)
    }
    written.doubtful.subtract(live.keys)
    lettingGo = Set(live.filter { $0.value == nil }.keys)
    defer { lettingGo = [] }
    try await commit(liveSteps + poolChanges(pools))
    for (mac, record) in live { written.live[mac] = record }
    written.pools = pools
    lettingGo = []
    try await lookAtSharedMACs(share, new: live.compactMap { $0.value == nil ? nil : $0.key })
  }

  /// What must become of live MACs; nil = it isn't live. What a start is asking for is left alone.
  private func liveChanges(_ share: FleetShare) -> [MACAddress: LiveRecord?] {
    let underWay = Set(claims.values.filter(\.isUnderWay).flatMap(\.live.keys))
    var wanted = share.live.mapValues(LiveRecord.init)
    for claim in claims.values { wanted.merge(claim.live.mapValues(LiveRecord.init)) { mine, _ in mine } }
    var changes: [MACAddress: LiveRecord?] = [:]
    for mac in Set(wanted.keys).union(written.live.keys).union(written.doubtful).subtracting(underWay)
    where written.live[mac] != wanted[mac] || written.doubtful.contains(mac) {
      changes[mac] = .some(wanted[mac])
    }
    return changes
  }

  private func poolChanges(_ wanted: [String: PoolRecord]) -> [FleetTransaction.Step] {
    let puts = wanted.sorted { $0.key < $1.key }.filter { written.pools[$0.key] != $0.value }.map {
      FleetTransaction.Step.put(keys.pool($0.key, host.name), RecordText.text(of: $0.value), lease: lease)
    }
    let gone = Set(written.pools.keys).subtracting(wanted.keys).sorted()
    return puts + gone.map { .delete(keys.pool($0, host.name)) }
  }

  // MARK: MACs that are live twice

  /// Nobody was asked when these came to run: on another host they may, too. That host is told.
  private func lookAtSharedMACs(_ share: FleetShare, new: [MACAddress]) async throws(FleetStoreError) {
    let macs = Set(new).union(clashes.keys).sorted()
    var found: [MACAddress: (host: String, record: LiveRecord)] = [:]
    for (mac, otherHost, other) in try await liveRecords(of: macs) {
      guard otherHost != host.name, let mine = share.live[mac], other.guest.uuid != mine.guest.uuid,
        other.clashes(with: mine)
      else { continue }
      found[mac] = (otherHost, other)
    }
    for mac in macs { try await setClash(mac, found[mac], share.live[mac]) }
  }

  /// On which hosts MACs are live.
  func liveRecords(of macs: [MACAddress]) async throws(FleetStoreError) -> [LiveOnHost] {
    var found: [LiveOnHost] = []
    for part in macs.split(by: Self.stepLimit) {
      let answer = try await store.commit(
        .init(then: part.map { .readAll(under: keys.all(.live, of: $0.description)) }))
      found += answer.read.compactMap(liveRecord)
    }
    return found
  }

  typealias LiveOnHost = (mac: MACAddress, host: String, record: LiveRecord)

  /// Nil: the entry is of no live MAC.
  func liveRecord(_ entry: FleetEntry) -> LiveOnHost? {
    guard let (kind, words) = keys.parse(entry.key), kind == .live, let mac = MACAddress(words[0]),
      let record = RecordText.record(LiveRecord.self, entry.value)
    else { return nil }
    return (mac, words[1], record)
  }

  private func setClash(
    _ mac: MACAddress, _ found: (host: String, record: LiveRecord)?, _ mine: FleetShare.Live?
  ) async throws(FleetStoreError) {
    if let old = clashes[mac], old.host != found?.host {
      try await commit([.delete(keys.clash(mac, old.host))])
      clashes[mac] = nil
    }
    guard let found, let mine, clashes[mac] == nil else { return }
    let record = ClashRecord(host: host.name, guest: mine.guest)
    try await commit([.put(keys.clash(mac, found.host), RecordText.text(of: record), lease: lease)])
    clashes[mac] = Clash(
      host: found.host,
      words: Self.clashWords(mac, mine.guest.name, host: found.host, other: found.record.guest.name))
  }

  static func clashWords(_ mac: MACAddress, _ guest: String, host: String, other: String) -> String {
    "MAC \(mac) of guest \(guest) is live on host \(host), too, with guest \(other)"
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
      try await commit([.delete(keys.conflict(mac, host.name))])
      written.bindings[mac] = nil
    }
    guard let wanted else { return try await unbind(mac) }
    let key = keys.binding(mac)
    var isTaken = false
    while !isTaken {
      let new = try await commit(.init(if: [.absent(key)], then: puts(wanted), else: [.read(key)]))
      if new.isDone {
        written.bindings[mac] = .mine(wanted, modified: new.revision)
        isTaken = true
      } else if let entry = new.read.first {
        isTaken = try await settle(wanted, entry, isLive: isLive)
      }
    }
  }

  /// Decides between a binding of this host and one that the store has; false: that has changed meanwhile.
  private func settle(_ wanted: BindingRecord, _ entry: FleetEntry, isLive: Bool) async throws(FleetStoreError) -> Bool
  {
    let mac = wanted.mac
    let other = RecordText.record(BindingRecord.self, entry.value)
    var mine = wanted
    var steps: [FleetTransaction.Step] = []
    if let other, other.guest.isSame(as: wanted.guest) {
      // Where the guest was last keeps it.
      if other.host != host.name, !isLive {
        written.bindings[mac] = .shared(wanted)
        return true
      }
      if !wanted.isOlder(than: other) { mine.since = other.since }
    } else if let other, other.host != host.name {
      guard wanted.isOlder(than: other) else { return try await giveWay(wanted, to: other, entry) }
      steps.append(.put(keys.conflict(mac, other.host), RecordText.text(of: other)))
    }
    // etcd takes each key once in a transaction.
    if let other { steps += Set(indexes(other)).subtracting(indexes(mine)).sorted().map { .delete($0) } }
    let answer = try await commit(
      .init(if: [.unchanged(entry.key, since: entry.modified)], then: steps + puts(mine)))
    // How old it is in the store is no difference.
    if answer.isDone { written.bindings[mac] = .mine(wanted, modified: answer.revision) }
    return answer.isDone
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
    let gone = UnboundRecord(at: now(), by: host.name)
    _ = try await delete(
      record, since: modified, and: [.put(keys.unbound(mac, record.guest), RecordText.text(of: gone))])
  }

  /// Deletes a binding unless it has changed since.
  func delete(
    _ record: BindingRecord, since modified: Int64, and others: [FleetTransaction.Step] = []
  ) async throws(FleetStoreError) -> Bool {
    let key = keys.binding(record.mac)
    let answer = try await commit(
      .init(
        if: [.unchanged(key, since: modified)],
        then: [.delete(key)] + indexes(record).map { .delete($0) } + others))
    guard answer.isDone else { return false }
    // Whoever gave way may have it now.
    let conflicts = try await store.entries(under: keys.all(.conflicts, of: record.mac.description)).entries
    try await commit(conflicts.map { .delete($0.key) })
    return true
  }

  /// Which of these have been unbound on another host since they were made.
  private func unboundMeanwhile(_ records: [BindingRecord]) async throws(FleetStoreError) -> Set<MACAddress> {
    var found: Set<MACAddress> = []
    for part in records.split(by: Self.stepLimit) {
      let answer = try await store.commit(.init(then: part.map { .read(keys.unbound($0.mac, $0.guest)) }))
      let gone = Dictionary(
        answer.read.compactMap { entry in
          RecordText.record(UnboundRecord.self, entry.value).map { (entry.key, $0.at) }
        }, uniquingKeysWith: { first, _ in first })
      for record in part {
        guard let at = gone[keys.unbound(record.mac, record.guest)] else { continue }
        if record.since.map({ $0 <= at }) ?? true { found.insert(record.mac) }
      }
    }
    return found
  }

  /// In the ledger, too.
  private func forget(_ record: BindingRecord, _ manager: PoolManager) async throws {
    written.bindings[record.mac] = nil
    try await manager.forget(record.mac, of: record.guest)
  }

  /// Another host has unbound a MAC that this one knew as bound there.
  func noteUnbound(_ mac: MACAddress, _ key: String, _ manager: PoolManager) async throws {
    guard case .shared(let record) = written.bindings[mac], keys.unbound(mac, record.guest) == key else { return }
    try await forget(record, manager)
  }

  /// A host is no more: what it had bound may be this host's.
  func noteForgotten() {
    for case (let mac, .shared) in written.bindings { written.bindings[mac] = nil }
    contentsChanged()
  }

  private func puts(_ record: BindingRecord) -> [FleetTransaction.Step] {
    [.put(keys.binding(record.mac), RecordText.text(of: record)), .delete(keys.unbound(record.mac, record.guest))]
      + indexes(record).map { .put($0, $0 == keys.owned(record.host, record.mac) ? host.ledger : "") }
  }

  private func indexes(_ record: BindingRecord) -> [String] {
    [keys.owned(record.host, record.mac), keys.byName(record.guest.name, record.mac)]
      + (record.guest.uuid.map { [keys.byGuest($0, record.mac)] } ?? [])
  }

  /// Another host has taken a binding over, or it is gone.
  func noteBindingGone(_ mac: MACAddress) {
    guard case .mine = written.bindings[mac] else { return }
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
