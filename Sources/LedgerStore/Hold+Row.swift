import GRDB
import PoolModel

extension Hold {
  static let table = TableWriter("hold", key: ["port"], others: ["pool", "vf", "guest", "guestUUID"])

  /// In the order of the columns.
  var values: [(any DatabaseValueConvertible)?] { [port, pool, vf.description, guest?.name, guest?.uuid] }

  init(_ row: TypedRow) throws {
    self.init(
      port: try row.text("port"), pool: try row.text("pool"), vf: try row.value("vf"),
      guest: try row.optionalText("guest").map { GuestID(name: $0, uuid: try row.text("guestUUID")) })
  }
}
