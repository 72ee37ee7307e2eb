import Etcd
import Fleet

/// etcd as a fleet's store.
public struct EtcdFleetStore: FleetStore {
  let client: EtcdClient

  public init(_ client: EtcdClient) { self.client = client }

  public func entries(under prefix: String) async throws(FleetStoreError) -> FleetReading {
    let (entries, revision) = try await asking { () throws(EtcdError) in
      try await client.all(.prefix(ByteString(prefix)))
    }
    return FleetReading(entries: entries.map(FleetEntry.init), revision: revision)
  }

  public func commit(_ transaction: FleetTransaction) async throws(FleetStoreError) -> FleetAnswer {
    let result = try await asking { () throws(EtcdError) in try await client.commit(Transaction(transaction)) }
    return FleetAnswer(
      isDone: result.succeeded, revision: result.revision, read: result.entries.map(FleetEntry.init))
  }

  public func grantLease(seconds: Int) async throws(FleetStoreError) -> Int64 {
    try await asking { () throws(EtcdError) in try await client.grantLease(seconds: seconds).id }
  }

  public func keepAlive(lease: Int64) async throws(FleetStoreError) -> Bool {
    try await asking { () throws(EtcdError) in try await client.keepAlive(lease) != nil }
  }

  public func revoke(lease: Int64) async throws(FleetStoreError) {
    _ = try await asking { () throws(EtcdError) in try await client.revoke(lease) }
  }

  public func changes(
    under prefixes: [String], after revision: Int64
  ) -> AsyncThrowingStream<[FleetStoreChange], any Error> {
    let watch = client.watch(prefixes.map { .prefix(ByteString($0)) }, after: revision, order: .perRange)
    let (stream, changes) = AsyncThrowingStream.makeStream(of: [FleetStoreChange].self)
    let task = Task {
      do throws(EtcdError) {
        for try await batch in watch { changes.yield(batch.events.map(FleetStoreChange.init)) }
        changes.finish()
      } catch {
        changes.finish(throwing: FleetStoreError(error))
      }
    }
    changes.onTermination = { _ in task.cancel() }
    return stream
  }

  public func members() async -> [FleetMember] {
    await client.statuses().map { endpoint, status in
      switch status {
      case .success(let status):
        FleetMember(
          endpoint: "\(endpoint)", version: status.version, isLeader: status.isLeader, bytes: status.size,
          problem: status.alarms.isEmpty
            ? status.leader == nil ? "it knows no leader" : nil : status.alarms.joined(separator: ", "))
      case .failure(let error):
        FleetMember(endpoint: "\(endpoint)", version: nil, isLeader: false, bytes: nil, problem: "\(error)")
      }
    }
  }

  private func asking<T>(_ body: () async throws(EtcdError) -> T) async throws(FleetStoreError) -> T {
    do throws(EtcdError) { return try await body() } catch { throw FleetStoreError(error) }
  }
}

extension FleetStoreError {
  init(_ error: EtcdError) {
    self =
      switch error {
      case .unreachable, .cancelled: .unreachable("\(error)")
      case .uncertain: .uncertain("\(error)")
      case .noSpace: .full("\(error)")
      case .leaseGone: .leaseEnded
      case .compacted, .restored: .compacted
      case .unauthorized, .permissionDenied, .tooLarge, .refused, .misconfigured: .refused("\(error)")
      }
  }
}

extension FleetEntry {
  init(_ entry: Entry) {
    self.init(
      key: "\(entry.key)", value: "\(entry.value)", modified: entry.modRevision, lease: entry.lease)
  }
}

extension FleetStoreChange {
  init(_ event: WatchEvent) {
    switch event {
    case .put(let entry, _): self = .put(FleetEntry(entry))
    case .delete(let key, let revision, let previous):
      self = .delete(key: "\(key)", value: previous.map { "\($0.value)" }, revision: revision)
    }
  }
}

extension Transaction {
  init(_ transaction: FleetTransaction) {
    self.init(
      if: transaction.conditions.map { condition in
        switch condition {
        case .absent(let key): .isAbsent(.key(ByteString(key)))
        case .noneUnder(let prefix): .isAbsent(.prefix(ByteString(prefix)))
        case .unchanged(let key, let revision): .isUnchanged(ByteString(key), since: revision)
        }
      }, then: transaction.then.map(Operation.init), else: transaction.otherwise.map(Operation.init))
  }
}

extension Transaction.Operation {
  init(_ step: FleetTransaction.Step) {
    self =
      switch step {
      case .put(let key, let value, let lease): .put(ByteString(key), ByteString(value), lease: lease)
      case .delete(let key): .delete(.key(ByteString(key)))
      case .read(let key): .range(.key(ByteString(key)))
      case .readAll(let prefix): .range(.prefix(ByteString(prefix)))
      }
  }
}
