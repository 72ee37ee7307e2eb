import GRDB

/// The statements that write one table's rows, made once from its columns.
struct TableWriter: Sendable {
  let insert: String
  /// Inserts a row or replaces the one with the same key.
  let save: String
  /// Replaces the row with the same key; the key's values come last once more.
  let update: String
  let delete: String

  init(_ table: String, key: [String], others: [String]) {
    let columns = key + others
    let match = key.map { "\($0) = ?" }.joined(separator: " AND ")
    let values = columns.map { _ in "?" }.joined(separator: ", ")
    insert = "INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(values))"
    // Not REPLACE: that deletes the row first, which a pool with leases doesn't allow.
    let changes = others.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
    save = "\(insert) ON CONFLICT (\(key.joined(separator: ", "))) DO UPDATE SET \(changes)"
    update = "UPDATE \(table) SET \(columns.map { "\($0) = ?" }.joined(separator: ", ")) WHERE \(match)"
    delete = "DELETE FROM \(table) WHERE \(match)"
  }
}

extension Database {
  /// Runs a statement that is prepared once for the connection; how many rows it changed.
  @discardableResult
  func run(_ sql: String, _ arguments: [(any DatabaseValueConvertible)?]) throws -> Int {
    try cachedStatement(sql: sql).execute(arguments: StatementArguments(arguments))
    return changesCount
  }
}
