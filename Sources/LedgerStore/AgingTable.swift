import GRDB
import PoolModel

/// A table that grows with time, and has an index by time and id.
struct AgingTable: Sendable {
  let name: String
  /// Milliseconds since 1970.
  let timeColumn: String

  static let history = AgingTable(name: "history", timeColumn: "until")
  static let audit = AgingTable(name: "audit", timeColumn: "time")

  /// The newest row that is to go.
  struct Cutoff: Hashable, Sendable {
    var time: Int64
    var id: Int64
  }

  /// Nil = every row stays. Reads the index as far as rows are kept.
  func cutoff(_ retention: Retention, now: Timestamp, _ database: Database) throws -> Cutoff? {
    let tooOld = try newest(
      "WHERE \(timeColumn) < ? ORDER BY \(timeColumn) DESC, id DESC LIMIT 1",
      [now.earlier(months: retention.months).milliseconds], database)
    let tooMany = try newest(
      "ORDER BY \(timeColumn) DESC, id DESC LIMIT 1 OFFSET ?", [max(0, retention.entries)], database)
    guard let tooOld, let tooMany else { return tooOld ?? tooMany }
    return (tooOld.time, tooOld.id) < (tooMany.time, tooMany.id) ? tooMany : tooOld
  }

  private func newest(_ choice: String, _ arguments: StatementArguments, _ database: Database) throws -> Cutoff? {
    try Row.fetchOne(database, sql: "SELECT \(timeColumn), id FROM \(name) \(choice)", arguments: arguments)
      .map { Cutoff(time: $0[0], id: $0[1]) }
  }

  /// Deletes the oldest rows up to `cutoff`, at most so many; how many it deleted.
  func delete(upTo cutoff: Cutoff, atMost count: Int, _ database: Database) throws -> Int {
    try database.run(
      """
      DELETE FROM \(name) WHERE id IN (
        SELECT id FROM \(name) WHERE (\(timeColumn), id) <= (?, ?) ORDER BY \(timeColumn), id LIMIT ?)
      """, [cutoff.time, cutoff.id, count])
  }
}
