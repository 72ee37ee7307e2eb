import ControlAPI
import LibvirtXML
import PoolFlows
import PoolModel

/// What is known of the whole fleet; each reads the store once.
extension FleetAgent {
  /// `FlowError(.unavailable)` when the store can't be read.
  public func hosts() async throws -> [FleetHostRow] {
    try await asking {
      let records: [String: HostRecord] = try await self.records(.hosts)
      return self.hostRows(records, try await self.pools())
    }
  }

  public func status() async -> FleetStatusReport {
    async let members = store.members().map {
      FleetMemberRow(
        endpoint: $0.endpoint, version: $0.version, leader: $0.isLeader, bytes: $0.bytes, problem: $0.problem)
    }
    var report: FleetStatusReport
    switch connection {
    case .joining(let since): report = emptyReport(connected: false, since, "it is joining")
    case .connected(let since): report = emptyReport(connected: true, since, nil)
    case .away(let why, let since): report = emptyReport(connected: false, since, why)
    }
    do {
      let hosts: [String: HostRecord] = try await records(.hosts)
      let pools = try await pools()
      report.hosts = hostRows(hosts, pools)
      report.pools = Dictionary(grouping: pools, by: \.pool).map { Self.sum($0, $1.map(\.record)) }
        .sorted { $0.pool < $1.pool }
      report.netdefs = try await netdefRows(up: Set(hosts.values.filter { $0.takesNetdefs != false }.map(\.name)))
      report.conflicts = try await conflictRows()
      report.clashes = try await clashRows()
    } catch {
      // It is noticed otherwise only when the lease is kept alive next.
      if report.connected { (report.connected, report.why) = (false, "\(error)") }
    }
    report.members = await members
    report.pending = await pending
    return report
  }

  private func emptyReport(connected: Bool, _ since: Timestamp, _ why: String?) -> FleetStatusReport {
    FleetStatusReport(
      host: host.name, connected: connected, since: since, why: why, pending: 0, members: [], hosts: [],
      pools: [], netdefs: [], conflicts: [], clashes: [])
  }

  // MARK: Find, place

  public func find(mac: MACAddress) async throws -> [FleetFoundRow] {
    try await asking { try await self.found([mac]) }
  }

  /// By name or UUID.
  public func find(guest name: String) async throws -> [FleetFoundRow] {
    try await asking {
      let uuid = GuestID.uuid(name)
      let bound = uuid.map { self.keys.all(.guests, of: $0) } ?? self.keys.all(.names, of: name)
      let running = self.keys.all(.runners, of: uuid ?? name)
      return try await self.found(Set(self.macs(under: bound) + self.macs(under: running)).sorted())
    }
  }

  /// The hosts that have a pool, those first where `count` guests fit best.
  ///
  /// The best is the host with the most free VFs, or, where every host packs the pool, the one with the fewest that suffice.
  public func place(pool: String, count: Int) async throws -> [FleetPlaceRow] {
    let found = try await asking { try await self.pools(named: pool) }
    if found.isEmpty { throw FlowError(.notFound, "no host that is up has a pool \(pool)") }
    let packs = found.allSatisfy { $0.record.policy == .pack }
    let fitting = found.filter { Self.obstacle($0.record, count) == nil }.sorted { a, b in
      let (x, y) = (a.record, b.record)
      if x.free != y.free { return packs ? x.free < y.free : x.free > y.free }
      return a.host < b.host
    }
    let rest = found.filter { Self.obstacle($0.record, count) != nil }.sorted { $0.host < $1.host }
    return (fitting + rest).enumerated().map { place, found in
      let record = found.record
      return FleetPlaceRow(
        host: found.host, pool: pool, total: record.total, free: record.free, leased: record.leased,
        policy: record.policy, rank: place < fitting.count ? place + 1 : nil, why: Self.obstacle(record, count))
    }
  }

  private static func obstacle(_ record: PoolRecord, _ count: Int) -> String? {
    if !record.active { return "its network is stopped" }
    return record.free < count ? "\(record.free) of \(record.total) VFs are free" : nil
  }

  private func found(_ macs: [MACAddress]) async throws(FleetStoreError) -> [FleetFoundRow] {
    var rows: [FleetFoundRow] = []
    let bindings = try await records(ofMACs: macs).map(\.record)
    let live = try await liveRecords(of: macs)
    for mac in macs {
      let binding = bindings.first { $0.mac == mac }
      let mine = live.filter { $0.mac == mac }
      let isShown = mine.contains { binding?.guest.isSame(as: BoundGuest($0.record.guest)) ?? false }
      if let binding, !isShown {
        rows.append(FleetFoundRow(binding))
      }
      for (mac, host, record) in mine {
        rows.append(
          .init(
            mac: mac, guest: record.guest.name, guestUUID: record.guest.uuid, pool: record.pool, host: host,
            bound: binding?.guest.isSame(as: BoundGuest(record.guest)) ?? false, live: true))
      }
    }
    return rows
  }

  // MARK: Reading

  private typealias PoolOnHost = (pool: String, host: String, record: PoolRecord)

  private func pools(named pool: String? = nil) async throws(FleetStoreError) -> [PoolOnHost] {
    let prefix = pool.map { keys.all(.pools, of: $0) } ?? keys.all(.pools)
    return try await store.entries(under: prefix).entries.compactMap { entry in
      guard let words = keys.parse(entry.key)?.words, let record = RecordText.record(PoolRecord.self, entry.value)
      else { return nil }
      return (words[0], words[1], record)
    }
  }

  /// By the key's words behind its kind.
  private func records<Record: Decodable>(_ kind: FleetKeys.Kind) async throws(FleetStoreError) -> [String: Record] {
    var found: [String: Record] = [:]
    for entry in try await store.entries(under: keys.all(kind)).entries {
      guard let words = keys.parse(entry.key)?.words, let record = RecordText.record(Record.self, entry.value) else {
        continue
      }
      found[words.joined(separator: "/")] = record
    }
    return found
  }

  private func hostRows(_ hosts: [String: HostRecord], _ pools: [PoolOnHost]) -> [FleetHostRow] {
    let byHost = Dictionary(grouping: pools, by: \.host)
    return hosts.values.sorted { $0.name < $1.name }.map { host in
      let mine = byHost[host.name] ?? []
      return FleetHostRow(
        host: host.name, version: host.version, since: host.since, vfs: mine.reduce(0) { $0 + $1.record.total },
        leased: mine.reduce(0) { $0 + $1.record.leased }, free: mine.reduce(0) { $0 + $1.record.free },
        pools: mine.map(\.pool).sorted())
    }
  }

  private static func sum(_ pool: String, _ records: [PoolRecord]) -> FleetPoolRow {
    func sum(_ part: (PoolRecord) -> Int) -> Int { records.reduce(0) { $0 + part($1) } }
    let (total, free, leased) = (sum(\.total), sum(\.free), sum(\.leased))
    return FleetPoolRow(
      pool: pool, hosts: records.count, total: total, free: free, leased: leased, others: total - free - leased)
  }

  private func netdefRows(up: Set<String>) async throws(FleetStoreError) -> [FleetNetdefRow] {
    let netdefs: [String: NetdefRecord] = try await records(.netdefs)
    var rows: [FleetNetdefRow] = []
    for (pool, netdef) in netdefs.sorted(by: { $0.key < $1.key }) {
      let prefix = keys.all(.applied, of: pool)
      var applied: [String: AppliedRecord] = [:]
      for entry in try await store.entries(under: prefix).entries {
        guard let record = RecordText.record(AppliedRecord.self, entry.value), record.netdef == netdef.at else {
          continue
        }
        applied[String(entry.key.dropFirst(prefix.count))] = record
      }
      let failures = applied.compactMap { host, record in record.failure.map { (host, $0) } }.sorted { $0.0 < $1.0 }
      let meant = up.filter(netdef.isMeant)
      rows.append(
        FleetNetdefRow(
          pool: pool, by: netdef.by, at: netdef.at, applied: applied.count - failures.count,
          failures: failures.map { .init(host: $0, why: $1) }, missing: meant.subtracting(applied.keys).sorted()))
    }
    return rows
  }

  private func conflictRows() async throws(FleetStoreError) -> [FleetConflictRow] {
    let conflicts: [String: BindingRecord] = try await records(.conflicts)
    let winners = try await records(ofMACs: Set(conflicts.values.map(\.mac)).sorted()).map(\.record)
    return conflicts.values.sorted { ($0.mac, $0.host) < ($1.mac, $1.host) }.map { lost in
      let winner = winners.first { $0.mac == lost.mac }
      return FleetConflictRow(
        mac: lost.mac, guest: lost.guest.name, host: lost.host, pool: lost.pool, winner: winner?.guest.name,
        winnerHost: winner?.host)
    }
  }

  private func clashRows() async throws(FleetStoreError) -> [FleetClashRow] {
    let clashes: [String: ClashRecord] = try await records(.clashes)
    return clashes.sorted { $0.key < $1.key }.compactMap { words, record in
      guard let slash = words.firstIndex(of: "/"), let mac = MACAddress(String(words[..<slash])) else { return nil }
      return FleetClashRow(
        mac: mac, host: String(words[words.index(after: slash)...]), otherHost: record.host,
        otherGuest: record.guest.name)
    }
  }

  /// What the store can't do is told as what this project can't.
  func asking<T>(_ body: () async throws -> T) async throws -> T {
    do { return try await body() } catch let error as FleetStoreError {
      throw FlowError(.unavailable, "the fleet can't be asked: \(error)")
    }
  }
}

extension FleetFoundRow {
  /// A binding of a guest that doesn't run.
  init(_ binding: BindingRecord) {
    self.init(
      mac: binding.mac, guest: binding.guest.name, guestUUID: binding.guest.uuid, pool: binding.pool,
      host: binding.host, bound: true, live: false)
  }
}
