import GRDB
import PoolModel

extension Pool {
  static let table = TableWriter("pool", key: ["name"], others: ["uuid", "mode", "details", "netdef"])

  /// In the order of the columns; `details` is the whole pool as JSON.
  func values(netdef: String) throws -> [(any DatabaseValueConvertible)?] {
    [name, uuid, mode.rawValue, try TypedRow.json(self), netdef]
  }

  init(_ row: TypedRow) throws {
    self = try row.json("details")
  }
}
