import GRDB
import PoolModel

/// Who asked for which change.
extension LedgerStore {
  /// Records what is about to be done, durably; returns its number.
  public func begin(_ entry: AuditEntry) async throws -> Int64 {
    try await inOrder("write the audit to") { try entry.insert(into: $0) }
  }

  /// Records what became of it.
  public func end(audit id: Int64, outcome: String, at time: Timestamp) async throws {
    try await inOrder("write the audit to") { database in
      try database.execute(
        sql: "UPDATE audit SET outcome = ?, until = ? WHERE id = ?", arguments: [outcome, time.milliseconds, id])
    }
  }

  /// What `filter` lets through, the newest first.
  public func audits(_ filter: AuditFilter) async throws -> [AuditEntry] {
    try await read { database in
      var conditions: [String] = []
      var arguments: [(any DatabaseValueConvertible)?] = []
      if let since = filter.since {
        conditions.append("time >= ?")
        arguments.append(since.milliseconds)
      }
      if let user = filter.user {
        conditions.append("(user = ? OR uid = ?)")
        arguments += [user, UInt32(user)]
      }
      let choice = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
      return try database.rows(
        of: "audit", "SELECT * FROM audit\(choice) ORDER BY time DESC, id DESC LIMIT ?",
        arguments: StatementArguments(arguments + [max(0, filter.limit)]), read: AuditEntry.init)
    }
  }
}

extension AuditEntry {
  /// Returns its number.
  @discardableResult func insert(into database: Database) throws -> Int64 {
    try database.execute(
      sql: """
        INSERT INTO audit (time, uid, user, pid, operation, object, body, outcome, until)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        time.milliseconds, uid, user, pid, operation, object, body, outcome, until?.milliseconds,
      ])
    return database.lastInsertedRowID
  }

  init(_ row: TypedRow) throws {
    self.init(
      id: try row.number("id"), time: try row.time("time"), uid: try row.optionalNumber("uid"),
      user: row.optionalText("user"), pid: try row.optionalNumber("pid"), operation: try row.text("operation"),
      object: try row.text("object"), body: row.optionalText("body"), outcome: row.optionalText("outcome"),
      until: try row.optionalNumber("until").map { Timestamp(milliseconds: $0) })
  }
}
