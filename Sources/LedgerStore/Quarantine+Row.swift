import GRDB
import PoolModel

extension Quarantine {
  static let table = TableWriter("quarantine", key: ["vf"], others: ["why", "since", "port", "byAdmin"])

  /// In the order of the columns.
  var values: [(any DatabaseValueConvertible)?] { [vf.description, why, since.milliseconds, port, byAdmin] }

  init(_ row: TypedRow) throws {
    self.init(
      vf: try row.value("vf"), why: try row.text("why"), since: try row.time("since"), port: row.optionalText("port"),
      byAdmin: row.optionalFlag("byAdmin") ?? false)
  }
}
