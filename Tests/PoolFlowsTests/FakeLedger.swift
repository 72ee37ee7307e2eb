import PoolFlows
import PoolModel
import Synchronization

/// A ledger in memory that keeps what a database keeps, and can refuse.
final class FakeLedger: Ledger {
  struct State {
    var contents = LedgerContents()
    var history: [ClosedLease] = []
    var commits = 0
    var fails = false
  }

  struct Full: Error, CustomStringConvertible {
    var description: String { "no space left on device" }
  }

  let state = Mutex(State())

  func load() async throws -> LedgerContents { state.withLock { $0.contents } }

  func commit(_ changes: [LedgerChange], done: @escaping @Sendable (Result<Void, any Error>) -> Void) {
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

  func history(_ filter: HistoryFilter) async throws -> [ClosedLease] {
    state.withLock { $0.history.filter { filter.mac == nil || $0.lease.mac == filter.mac } }
  }

  var contents: LedgerContents { state.withLock { $0.contents } }
  var history: [ClosedLease] { state.withLock { $0.history } }
}
