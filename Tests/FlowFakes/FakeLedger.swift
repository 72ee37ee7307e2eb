import PoolFlows
import PoolModel
import Synchronization

/// A ledger in memory that keeps what a database keeps, and can refuse.
public final class FakeLedger: Ledger {
  public struct State {
    public var contents = LedgerContents()
    public var history: [ClosedLease] = []
    public var commits = 0
    public var fails = false
    /// What nobody waits for is written only when somebody waits for what came after it, as on a slow disk.
    public var isSlow = false
    fileprivate var pending: [Pending] = []
    /// Changes that contradicted what the ledger had.
    public var contradictions: [LedgerChange] = []
  }

  fileprivate struct Pending {
    var changes: [LedgerChange]
    var done: @Sendable (Result<Void, any Error>) -> Void
  }

  public struct Full: Error, CustomStringConvertible {
    public var description: String { "no space left on device" }
  }

  public let state = Mutex(State())

  public init() {}

  public func load() async throws -> LedgerContents {
    flush()
    return contents
  }

  public func commit(_ changes: [LedgerChange], done: @escaping @Sendable (Result<Void, any Error>) -> Void) {
    state.withLock { $0.pending.append(Pending(changes: changes, done: done)) }
    if !state.withLock(\.isSlow) { flush() }
  }

  public func commit(_ changes: [LedgerChange]) async throws {
    flush()
    try state.withLock { Self.write(changes, &$0) }.get()
  }

  /// Writes what is pending.
  public func flush() {
    while true {
      let written = state.withLock { state -> (Pending, Result<Void, any Error>)? in
        guard !state.pending.isEmpty else { return nil }
        let next = state.pending.removeFirst()
        return (next, Self.write(next.changes, &state))
      }
      guard let (next, result) = written else { return }
      next.done(result)
    }
  }

  /// What is pending is lost, as at a kill; whether there was something.
  public func losePending() -> Bool {
    state.withLock { state in
      defer { state.pending = [] }
      return !state.pending.isEmpty
    }
  }

  private static func write(_ changes: [LedgerChange], _ state: inout State) -> Result<Void, any Error> {
    if state.fails { return .failure(Full()) }
    let before = state
    state.commits += 1
    for change in changes {
      if contradicts(change, state.contents) {
        state = before
        state.contradictions.append(change)
        return .failure(Full())
      }
      if case .closeLease(let id, let until, let end) = change, let lease = state.contents.leases[id] {
        state.history.insert(ClosedLease(lease: lease, until: until, reason: end.rawValue), at: 0)
      }
      state.contents.apply(change)
    }
    return .success(())
  }

  /// What the database refuses.
  private static func contradicts(_ change: LedgerChange, _ contents: LedgerContents) -> Bool {
    switch change {
    case .openLease(let lease), .updateLease(let lease):
      let earlier = contents.leases[lease.id]?.state
      if case .openLease = change {
        if earlier != nil || lease.id < contents.nextLeaseID { return true }
      } else if earlier == nil {
        return true
      }
      if lease.contradiction(after: earlier) != nil { return true }
      guard lease.state.hasPort else { return false }
      return contents.leases.values.contains {
        $0.id != lease.id && $0.vf == lease.vf && $0.state.hasPort
      }
    case .closeLease(let id, _, let end):
      guard let lease = contents.leases[id] else { return true }
      return lease.contradiction(to: end) != nil
    case .removePool(let name): return contents.leases.values.contains { $0.pool == name }
    default: return false
    }
  }

  public func history(_ filter: HistoryFilter) async throws -> [ClosedLease] {
    state.withLock { $0.history.filter { filter.mac == nil || $0.lease.mac == filter.mac } }
  }

  public var contents: LedgerContents { state.withLock { $0.contents } }
  public var history: [ClosedLease] { state.withLock { $0.history } }
}
