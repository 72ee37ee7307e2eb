import PoolModel
import Synchronization

@testable import ControlServer

/// The audit in memory.
final class FakeAudit: AuditLog {
  let entries = Mutex<[AuditEntry]>([])
  /// Thrown by `begin`.
  let failure = Mutex<(any Error)?>(nil)

  func begin(_ entry: AuditEntry) async throws -> Int64 {
    if let failure = failure.withLock({ $0 }) { throw failure }
    return entries.withLock { entries in
      var entry = entry
      entry.id = Int64(entries.count + 1)
      entries.append(entry)
      return entry.id
    }
  }

  func end(audit id: Int64, outcome: String, at time: Timestamp) async throws {
    entries.withLock { entries in
      entries[Int(id) - 1].outcome = outcome
      entries[Int(id) - 1].until = time
    }
  }

  func audits(_ filter: AuditFilter) async throws -> [AuditEntry] {
    entries.withLock { Array($0.reversed().prefix(filter.limit)) }
  }
}
