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
      let before = state
      state.commits += 1
      for change in changes {
        if Self.contradicts(change, state.contents) {
          state = before
          return true
        }
        if case .closeLease(let id, let until, let reason) = change, let lease = state.contents.leases[id] {
          state.history.insert(ClosedLease(lease: lease, until: until, reason: reason), at: 0)
        }
        state.contents.apply(change)
      }
      return false
    }
    done(failed ? .failure(Full()) : .success(()))
  }

  /// What the database refuses.
  private static func contradicts(_ change: LedgerChange, _ contents: LedgerContents) -> Bool {
    switch change {
    case .openLease(let lease), .updateLease(let lease):
      let isOpen = contents.leases[lease.id] != nil
      if case .openLease = change {
        if isOpen || lease.id < contents.nextLeaseID { return true }
      } else if !isOpen {
        return true
      }
      guard lease.state.hasPort else { return false }
      return contents.leases.values.contains {
        $0.id != lease.id && $0.vf == lease.vf && $0.state.hasPort
      }
    case .closeLease(let id, _, _): return contents.leases[id] == nil
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
