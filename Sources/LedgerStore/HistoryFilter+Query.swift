import GRDB
import PoolModel

extension HistoryFilter {
  /// The closed leases that this filter lets through, the one that ended last first.
  func fetch(_ database: Database) throws -> [ClosedLease] {
    var conditions: [String] = []
    var arguments: [(any DatabaseValueConvertible)?] = []
    func demand(_ condition: String, _ values: (any DatabaseValueConvertible)?...) {
      conditions.append(condition)
      arguments += values
    }
    if let mac { demand("mac = ?", mac.description) }
    if let guest { demand("(guest = ? OR guestUUID = ?)", guest, guest) }
    if let vf { demand("vf = ?", vf.description) }
    if let pool { demand("pool = ?", pool) }
    if let at { demand("since <= ? AND until > ?", at.milliseconds, at.milliseconds) }
    let choice = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
    return try database.rows(
      of: "history", "SELECT * FROM history\(choice) ORDER BY until DESC, id DESC LIMIT ?",
      arguments: StatementArguments(arguments + [max(0, limit)]), read: ClosedLease.init)
  }
}
