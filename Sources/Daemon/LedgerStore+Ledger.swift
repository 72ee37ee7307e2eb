import ControlServer
import LedgerStore
import PoolFlows
import PoolModel

/// `LedgerStore` plays `Ledger` and `AuditLog`: the calls are the same.
extension LedgerStore: Ledger, AuditLog {}

/// In the place of one that can't be used; the flows don't come to it then.
struct NoLedger: Ledger, AuditLog {
  struct Missing: Error, CustomStringConvertible { let description = "there is no ledger" }

  func load() async throws -> LedgerContents { throw Missing() }
  func commit(_ changes: [LedgerChange], done: @escaping @Sendable (Result<Void, any Error>) -> Void) {
    done(.failure(Missing()))
  }
  func history(_ filter: HistoryFilter) async throws -> [ClosedLease] { throw Missing() }
  func begin(_ entry: AuditEntry) async throws -> Int64 { throw Missing() }
  func end(audit id: Int64, outcome: String, at time: Timestamp) async throws { throw Missing() }
  func audits(_ filter: AuditFilter) async throws -> [AuditEntry] { throw Missing() }
}
