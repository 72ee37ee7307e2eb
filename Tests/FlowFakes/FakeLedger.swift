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
  }

  public struct Full: Error, CustomStringConvertible {
    public var description: String { "no space left on device" }
  }

  public let state = Mutex(State())

  public func load() async throws -> LedgerContents { state.withLock { $0.contents } }

  public func commit(_ changes: [LedgerChange], done: @escaping @Sendable (Result<Void, any Error>) -> Void) {
    let failed = state.withLock { state in
      if state.fails { return true }
      state.commits += 1
      for change in changes {
        if case .closeLease(let id, let until, let reason) = change, let lease = state.contents.leases[id] {
          state.history.insert(ClosedLease(lease: lease, until: until, reason: reason), at: 0)
        }
        state.contents.apply(change)
      }
      return false
    }
    done(failed ? .failure(Full()) : .success(()))
  }

  public func history(_ filter: HistoryFilter) async throws -> [ClosedLease] {
    state.withLock { $0.history.filter { filter.mac == nil || $0.lease.mac == filter.mac } }
  }

  public var contents: LedgerContents { state.withLock { $0.contents } }
  public var history: [ClosedLease] { state.withLock { $0.history } }
}
