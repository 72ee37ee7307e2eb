import PoolFlows
import PoolModel

/// Makes the store have what this host has.
extension FleetAgent {
  /// How many steps one transaction has at most: etcd takes 128.
  static let stepLimit = 100

  /// One pass; whoever pokes meanwhile causes the next.
  func sync(_ manager: PoolManager) async throws {
    let over = claims.filter(\.value.isSettled).keys
    let share = await manager.fleetShare()
    for uuid in over where claims[uuid]?.isSettled == true { claims[uuid] = nil }
    try await writeLive(share)
    let wanted = share.bindings.mapValues { BindingRecord($0, host: host.name) }
    let outdated = bindingsOutdated(wanted, live: share.live)
    for mac in outdated {
      let isLive = wanted[mac].map { Self.runs($0, share.live) } ?? false
      try await write(wanted[mac], mac, isLive: isLive, manager)
    }
    sharesLive = wanted.values.contains { binding in
      if case .shared = written.bindings[binding.mac] { Self.runs(binding, share.live) } else { false }
    }
    try await noteReturn()
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
    let runners = Set(
      share.unbound.flatMap { mac in
        share.live[mac].map { [keys.runner($0.guest.name, mac), keys.runner($0.guest.uuid, mac)] } ?? []
      })
    let runnerSteps =
      runners.subtracting(written.runners).sorted().map { FleetTransaction.Step.put($0, "", lease: lease) }
      + written.runners.subtracting(runners).sorted().map { .delete($0) }
    try await commit(liveSteps + poolChanges(pools) + runnerSteps)
    for (mac, record) in live { written.live[mac] = record }
    (written.pools, written.runners) = (pools, runners)
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
      guard otherHost != host.name, let mine = share.live[mac], other.clashes(with: mine),
        other.guest.uuid != mine.guest.uuid || !share.incoming.contains(mine.guest.uuid)
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
}
