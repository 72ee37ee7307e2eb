import GRDB
import PoolModel

extension MACBinding {
  static let table = TableWriter(
    "macBinding", key: ["owner", "pool", "nic"],
    others: ["guest", "guestUUID", "mac", "lastVF", "lastSeen", "isOwed", "since"])

  /// In the order of the columns.
  var values: [(any DatabaseValueConvertible)?] {
    key.values + [
      guest.name, guest.uuid, mac.description, lastVF?.description, lastSeen?.milliseconds, isOwed, since?.milliseconds,
    ]
  }

  init(_ row: TypedRow) throws {
    self.init(
      guest: BoundGuest(name: try row.text("guest"), uuid: row.optionalText("guestUUID")), pool: try row.text("pool"),
      nic: try row.number("nic"), mac: try row.value("mac"), lastVF: try row.optionalValue("lastVF"),
      lastSeen: try row.optionalNumber("lastSeen").map { Timestamp(milliseconds: $0) },
      isOwed: row.optionalFlag("isOwed") ?? false,
      since: try row.optionalNumber("since").map { Timestamp(milliseconds: $0) })
  }
}

extension LedgerContents.BindingKey {
  /// Of the columns that are the table's key, in their order.
  var values: [(any DatabaseValueConvertible)?] {
    switch guest {
    case .uuid(let uuid): [uuid, pool, nic]
    case .name(let name): ["name \(name)", pool, nic]
    }
  }
}
