import Fleet
import Synchronization

/// A fleet's store in memory, which several hosts share; each has its own `FakeFleetStore`.
public final class FakeFleetServer: Sendable {
  struct State {
    var entries: [String: FleetEntry] = [:]
    var revision: Int64 = 1
    var log: [(revision: Int64, changes: [FleetStoreChange])] = []
    /// Changes up to this revision are forgotten.
    var compacted: Int64 = 0
    var leases: Set<Int64> = []
    var nextLease: Int64 = 100
    var watchers: [Int: @Sendable (Int64, [FleetStoreChange]) -> Void] = [:]
    var nextWatcher = 0
    var isFull = false
    var requests = 0
  }

  let state = Mutex(State())

  public init() {}

  /// Does what was asked for long ago.
  public func doLate(_ transactions: [FleetTransaction]) {
    for transaction in transactions { _ = try? commit(transaction) }
  }

  /// Takes nothing more that needs room.
  public func fill(_ isFull: Bool) { state.withLock { $0.isFull = isFull } }

  public var entries: [String: String] { state.withLock { $0.entries.mapValues(\.value) } }

  public var requests: Int { state.withLock { $0.requests } }

  public subscript(key: String) -> String? { state.withLock { $0.entries[key]?.value } }

  /// Ends a lease as if it hadn't been kept alive.
  public func expire(_ lease: Int64) { end(lease) }

  public func expireAll() { for lease in state.withLock(\.leases) { end(lease) } }

  func end(_ lease: Int64) {
    state.withLock { state in
      guard state.leases.remove(lease) != nil else { return }
      let keys = state.entries.values.filter { $0.lease == lease }.map(\.key).sorted()
      _ = Self.run(keys.map { .delete($0) }, &state)
    }
  }

  /// Forgets all changes up to now.
  public func compact() {
    state.withLock { state in
      state.compacted = state.revision
      state.log = []
    }
  }

  @discardableResult public func commit(_ transaction: FleetTransaction) throws(FleetStoreError) -> FleetAnswer {
    try state.withLock { state throws(FleetStoreError) in
      state.requests += 1
      let holds = transaction.conditions.allSatisfy { condition in
        switch condition {
        case .absent(let key): state.entries[key] == nil
        case .noneUnder(let prefix): !state.entries.keys.contains { $0.hasPrefix(prefix) }
        case .unchanged(let key, let revision): (state.entries[key]?.modified ?? 0) == revision
        }
      }
      let steps = holds ? transaction.then : transaction.otherwise
      for case .put(_, _, let lease?) in steps where !state.leases.contains(lease) { throw .leaseEnded }
      let changed = steps.compactMap { step -> String? in
        switch step {
        case .put(let key, _, _), .delete(let key): key
        case .read, .readAll: nil
        }
      }
      precondition(Set(changed).count == changed.count && steps.count <= 128, "etcd refuses this transaction")
      let isWriting = steps.contains { if case .put = $0 { true } else { false } }
      if state.isFull, isWriting { throw .full("etcd takes nothing more: mvcc: database space exceeded") }
      let read = Self.run(steps, &state)
      return FleetAnswer(isDone: holds, revision: state.revision, read: read)
    }
  }

  private static func run(_ steps: [FleetTransaction.Step], _ state: inout State) -> [FleetEntry] {
    var read: [FleetEntry] = []
    var changes: [FleetStoreChange] = []
    let revision = state.revision + 1
    for step in steps {
      switch step {
      case .put(let key, let value, let lease):
        let entry = FleetEntry(key: key, value: value, modified: revision, lease: lease)
        state.entries[key] = entry
        changes.append(.put(entry))
      case .delete(let key):
        guard let old = state.entries.removeValue(forKey: key) else { continue }
        changes.append(.delete(key: key, value: old.value, revision: revision))
      case .read(let key): if let entry = state.entries[key] { read.append(entry) }
      case .readAll(let prefix):
        read += state.entries.values.filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }
      }
    }
    if !changes.isEmpty {
      state.revision = revision
      state.log.append((revision, changes))
      for watcher in state.watchers.values { watcher(revision, changes) }
    }
    return read
  }
}

/// One host's way to the server, which can be cut.
public final class FakeFleetStore: FleetStore {
  public let server: FakeFleetServer
  private let away = Mutex(false)
  private let hanging = Mutex(false)
  /// What a server that sleeps has been asked for.
  private let asleep = Mutex<[FleetTransaction]?>(nil)
  /// Changes that are to be told later.
  private let held = Mutex<[@Sendable () -> Void]?>(nil)
  private let streams = Mutex<[Int: AsyncThrowingStream<[FleetStoreChange], any Error>.Continuation]>([:])

  public init(_ server: FakeFleetServer) { self.server = server }

  /// From now on it can't be reached, or can be again.
  public func cut(_ isAway: Bool) {
    away.withLock { $0 = isAway }
    if isAway {
      for stream in streams.withLock({ Array($0.values) }) {
        stream.finish(throwing: FleetStoreError.unreachable("etcd can't be reached"))
      }
    }
  }

  /// From now on nothing is answered, or again.
  public func hang(_ isHanging: Bool) { hanging.withLock { $0 = isHanging } }

  /// From now on changes are told to nobody, or all that were kept back.
  public func hold(_ isHolding: Bool) {
    let kept = held.withLock { held in
      defer { held = isHolding ? [] : nil }
      return held ?? []
    }
    for tell in kept { tell() }
  }

  /// From now on what is asked for gets no answer.
  public func fallAsleep() { asleep.withLock { $0 = [] } }

  /// What it has been asked for since.
  public var asked: [FleetTransaction] { asleep.withLock { $0 ?? [] } }

  /// From now on it answers; what was asked for meanwhile is returned, and has not been done.
  public func wakeUp() -> [FleetTransaction] {
    asleep.withLock { asleep in
      defer { asleep = nil }
      return asleep ?? []
    }
  }

  private func check() async throws(FleetStoreError) {
    while hanging.withLock({ $0 }) {
      do { try await Task.sleep(for: .milliseconds(5)) } catch { throw .uncertain("given up") }
    }
    if away.withLock({ $0 }) { throw .unreachable("etcd can't be reached") }
  }

  public func entries(under prefix: String) async throws(FleetStoreError) -> FleetReading {
    try await check()
    let answer = try server.commit(.init(then: [.readAll(under: prefix)]))
    return FleetReading(entries: answer.read, revision: answer.revision)
  }

  public func commit(_ transaction: FleetTransaction) async throws(FleetStoreError) -> FleetAnswer {
    try await check()
    let sleeps = asleep.withLock { asleep in
      asleep?.append(transaction)
      return asleep != nil
    }
    if sleeps {
      while !Task.isCancelled, asleep.withLock({ $0 != nil }) { try? await Task.sleep(for: .milliseconds(5)) }
      throw .uncertain("no answer")
    }
    return try server.commit(transaction)
  }

  public func grantLease(seconds: Int) async throws(FleetStoreError) -> Int64 {
    try await check()
    return server.state.withLock { state in
      state.requests += 1
      state.nextLease += 1
      state.leases.insert(state.nextLease)
      return state.nextLease
    }
  }

  public func keepAlive(lease: Int64) async throws(FleetStoreError) -> Bool {
    try await check()
    return server.state.withLock { state in
      state.requests += 1
      return state.leases.contains(lease)
    }
  }

  public func revoke(lease: Int64) async throws(FleetStoreError) {
    try await check()
    server.end(lease)
  }

  public func changes(
    under prefixes: [String], after revision: Int64
  ) -> AsyncThrowingStream<[FleetStoreChange], any Error> {
    let (stream, continuation) = AsyncThrowingStream.makeStream(of: [FleetStoreChange].self)
    if away.withLock({ $0 }) {
      continuation.finish(throwing: FleetStoreError.unreachable("etcd can't be reached"))
      return stream
    }
    @Sendable func tell(_ changes: [FleetStoreChange]) {
      let mine = changes.filter { change in prefixes.contains { change.key.hasPrefix($0) } }
      if mine.isEmpty { return }
      let isHeld = held.withLock { held in
        held?.append { continuation.yield(mine) }
        return held != nil
      }
      if !isHeld { continuation.yield(mine) }
    }
    let id = server.state.withLock { state -> Int? in
      guard revision >= state.compacted else { return nil }
      for (at, changes) in state.log where at > revision { tell(changes) }
      state.nextWatcher += 1
      state.watchers[state.nextWatcher] = { _, changes in tell(changes) }
      return state.nextWatcher
    }
    guard let id else {
      continuation.finish(throwing: FleetStoreError.compacted)
      return stream
    }
    streams.withLock { $0[id] = continuation }
    continuation.onTermination = { [weak self] _ in
      self?.server.state.withLock { $0.watchers[id] = nil }
      _ = self?.streams.withLock { $0.removeValue(forKey: id) }
    }
    return stream
  }

  public func members() async -> [FleetMember] {
    [FleetMember(endpoint: "http://127.0.0.1:2379", version: "3.4.23", isLeader: true, bytes: 20_480, problem: nil)]
  }
}
