import PoolFlows
import PoolModel

/// What is asked while a guest waits.
extension FleetAgent {
  /// Between two looks at whether the guest's last host has let it go.
  private static let retryPause = Duration.milliseconds(100)

  public func claim(
    _ live: [MACAddress: FleetShare.Live], for guest: GuestID, isIncoming: Bool, within patience: Duration
  ) async -> [MACElsewhere] {
    guard let lease else { return [] }
    claims[guest.uuid] = Claim(live: live)
    defer { claims[guest.uuid]?.isUnderWay = false }
    let end = ContinuousClock.now + patience
    var last: [MACElsewhere] = []
    while true {
      let left = end - .now
      let found =
        left > .zero ? await within(left) { try await self.take(live, guest, isIncoming: isIncoming, lease) } : nil
      guard let found else {
        // Nobody knows whether it was done.
        written.doubtful.formUnion(live.keys)
        if !last.isEmpty { claims[guest.uuid] = nil }
        return last
      }
      if found.isEmpty { return [] }
      last = found
      // A guest that has just been stopped elsewhere is let go there in a moment.
      guard found.allSatisfy({ $0.guest.uuid == guest.uuid }), end - .now > Self.retryPause else {
        claims[guest.uuid] = nil
        return found
      }
      try? await Task.sleep(for: Self.retryPause)
    }
  }

  /// Takes all MACs or none; returns those that others have.
  private func take(
    _ live: [MACAddress: FleetShare.Live], _ guest: GuestID, isIncoming: Bool, _ lease: Int64
  ) async throws -> [MACElsewhere] {
    // What is being let go is asked for once it is gone.
    while !lettingGo.isDisjoint(with: live.keys) { try await Task.sleep(for: .milliseconds(5)) }
    let records = live.mapValues(LiveRecord.init).sorted { $0.key < $1.key }
    let puts = records.map { mac, record in
      FleetTransaction.Step.put(keys.live(mac, host.name), RecordText.text(of: record), lease: lease)
    }
    let first = try await commit(
      .init(
        if: records.map { .noneUnder(keys.all(.live, of: $0.key.description)) }, then: puts,
        else: records.map { .readAll(under: keys.all(.live, of: $0.key.description)) }), lease: lease)
    if !first.isDone {
      let blocking = first.read.compactMap(liveRecord).filter { mac, otherHost, other in
        otherHost != host.name && !(isIncoming && other.guest.uuid == guest.uuid) && other.clashes(with: live[mac])
      }
      if !blocking.isEmpty {
        return blocking.map { mac, otherHost, other in
          MACElsewhere(mac: mac, host: otherHost, guest: BoundGuest(other.guest), pool: other.pool ?? "none")
        }
      }
      // Only this host has them, or the host that the guest comes from.
      let read = Set(first.read.compactMap { keys.parse($0.key)?.words.first })
      let conditions =
        first.read.map { FleetTransaction.Condition.unchanged($0.key, since: $0.modified) }
        + records.filter { !read.contains($0.key.description) }.map {
          .noneUnder(keys.all(.live, of: $0.key.description))
        }
      let second = try await commit(.init(if: conditions, then: puts), lease: lease)
      guard second.isDone else { return try await take(live, guest, isIncoming: isIncoming, lease) }
    }
    // A later stay in the fleet begins with nothing written.
    if lease == self.lease { for (mac, record) in records { written.live[mac] = record } }
    return []
  }

  public func bindings(ofGuest uuid: String, within patience: Duration) async -> [MACBinding] {
    guard lease != nil else { return [] }
    return await within(patience) {
      try await self.records(ofMACs: self.macs(under: self.keys.all(.guests, of: uuid))).map(\.record.binding)
    } ?? []
  }

  public func binders(of macs: Set<MACAddress>, within patience: Duration) async -> [MACElsewhere] {
    guard lease != nil, !macs.isEmpty else { return [] }
    let found = await within(patience) { try await self.records(ofMACs: macs.sorted()) } ?? []
    return found.map(\.record).filter { $0.host != host.name }.map {
      MACElsewhere(mac: $0.mac, host: $0.host, guest: $0.guest, pool: $0.pool)
    }
  }

  /// The MACs that an index lists.
  func macs(under prefix: String) async throws(FleetStoreError) -> [MACAddress] {
    try await store.entries(under: prefix).entries.compactMap { MACAddress(String($0.key.dropFirst(prefix.count))) }
  }

  /// The bindings of MACs, as far as there are some.
  func records(
    ofMACs macs: [MACAddress]
  ) async throws(FleetStoreError) -> [(record: BindingRecord, modified: Int64)] {
    var found: [(record: BindingRecord, modified: Int64)] = []
    for part in macs.split(by: Self.stepLimit) {
      let answer = try await store.commit(.init(then: part.map { .read(keys.binding($0)) }))
      found += answer.read.compactMap { entry in
        RecordText.record(BindingRecord.self, entry.value).map { ($0, entry.modified) }
      }
    }
    return found
  }

  /// The answer of `body`; nil when it failed or took longer.
  private func within<T: Sendable>(_ patience: Duration, _ body: @escaping @Sendable () async throws -> T) async -> T? {
    await withTaskGroup(of: T?.self) { tasks in
      tasks.addTask { try? await body() }
      tasks.addTask {
        try? await Task.sleep(for: patience)
        return nil
      }
      defer { tasks.cancelAll() }
      return await tasks.next() ?? nil
    }
  }
}

extension Array {
  /// In order, so many at a time.
  func split(by count: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: self.count, by: count).map { self[$0..<Swift.min($0 + count, self.count)] }
  }
}
