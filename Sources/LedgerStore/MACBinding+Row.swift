import GRDB
import PoolModel

extension MACBinding {
  static let table = TableWriter(
    "macBinding", key: ["guestUUID", "pool", "nic"], others: ["guest", "mac", "lastVF", "lastSeen"])

  /// In the order of the columns.
  var values: [(any DatabaseValueConvertible)?] {
    [guest.uuid, pool, nic, guest.name, mac.description, lastVF?.description, lastSeen.milliseconds]
  }

  init(_ row: TypedRow) throws {
    self.init(
      guest: GuestID(name: try row.text("guest"), uuid: try row.text("guestUUID")), pool: try row.text("pool"),
      nic: try row.number("nic"), mac: try row.value("mac"), lastVF: try row.optionalValue("lastVF"),
      lastSeen: try row.time("lastSeen"))
  }
}
