import PoolFlows
import PoolModel

struct FaultyLedger: Ledger, Faulty {
  let inner: any Ledger
  let check: FaultCheck

  func load() async throws -> LedgerContents { try await around(.ledgerLoad) { try await inner.load() } }

  func commit(_ changes: [LedgerChange]) async throws {
    try await around(.ledgerCommit) { try await inner.commit(changes) }
  }

  func commit(_ changes: [LedgerChange], done: @escaping @Sendable (Result<Void, any Error>) -> Void) {
    do { try check(FaultPoint(.ledgerCommit, .before)) } catch { return done(.failure(error)) }
    inner.commit(changes) { [check] result in
      done(
        result.flatMap {
          Result { try check(FaultPoint(.ledgerCommit, .after)) }
        })
    }
  }

  func history(_ filter: HistoryFilter) async throws -> [ClosedLease] {
    try await around(.ledgerHistory) { try await inner.history(filter) }
  }
}
