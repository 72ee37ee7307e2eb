import GRDB
import PoolModel

extension Lease {
  static let table = TableWriter("lease", key: ["id"], others: leaseColumns + ["settings"])
  static let closedTable = TableWriter("history", key: ["id"], others: leaseColumns + ["until", "reason"])

  private static let leaseColumns = [
    "pool", "guest", "guestUUID", "nic", "mac", "vf", "pf", "vfIndex", "state", "portgroup", "port", "since", "bootID",
  ]

  /// For `table`.
  func openValues() throws -> [(any DatabaseValueConvertible)?] { values + [try settings.map(TypedRow.json)] }

  /// In the order of the columns that both tables have, the id first.
  var values: [(any DatabaseValueConvertible)?] {
    [
      id, pool, guest.name, guest.uuid, nic, mac.description, vf?.description, vfIndex?.pf, vfIndex?.index,
      state.rawValue, portgroup, port, since.milliseconds, bootID,
    ]
  }

  /// From either table; only the one of open leases has `settings`.
  init(_ row: TypedRow, settings: VFSettings? = nil) throws {
    let index: Int? = try row.optionalNumber("vfIndex")
    self.init(
      id: try row.number("id"), pool: try row.text("pool"),
      guest: GuestID(name: try row.text("guest"), uuid: try row.text("guestUUID")), nic: try row.number("nic"),
      mac: try row.value("mac"), vf: try row.optionalValue("vf"),
      vfIndex: row.optionalText("pf").flatMap { pf in index.map { VFIndex(pf: pf, index: $0) } },
      state: try row.word("state"), portgroup: row.optionalText("portgroup"), port: row.optionalText("port"),
      since: try row.time("since"), bootID: try row.text("bootID"), settings: settings)
  }

  init(open row: TypedRow) throws { try self.init(row, settings: row.optionalJSON("settings")) }
}

extension ClosedLease {
  init(_ row: TypedRow) throws {
    self.init(lease: try Lease(row), until: try row.time("until"), reason: try row.text("reason"))
  }
}
