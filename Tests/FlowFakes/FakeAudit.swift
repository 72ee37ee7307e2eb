import PoolFlows
import PoolModel
import Synchronization

/// The audit in memory.
public final class FakeAudit: AuditLog {
  public let entries = Mutex<[AuditEntry]>([])
  /// Thrown by `begin`.
  public let failure = Mutex<(any Error)?>(nil)

  public init() {}

  public func begin(_ entry: AuditEntry) async throws -> Int64 {
    if let failure = failure.withLock({ $0 }) { throw failure }
    return entries.withLock { entries in
      var entry = entry
      entry.id = Int64(entries.count + 1)
      entries.append(entry)
      return entry.id
    }
  }

  public func end(audit id: Int64, outcome: String, at time: Timestamp) async throws {
    entries.withLock { entries in
      entries[Int(id) - 1].outcome = outcome
      entries[Int(id) - 1].until = time
    }
  }

  public func audits(_ filter: AuditFilter) async throws -> [AuditEntry] {
    entries.withLock { Array($0.reversed().prefix(filter.limit)) }
  }
}
