import GRDB
import PoolModel

extension LedgerChange {
  /// What a change presupposes and the ledger doesn't have.
  struct Contradiction: Error { let detail: String }

  /// Does this change within the transaction that is open.
  func write(to database: Database) throws {
    switch self {
    case .savePool(let pool, let netdef): try database.run(Pool.table.save, pool.values(netdef: netdef))
    case .removePool(let name): try database.run(Pool.table.delete, [name])
    case .saveBaseline(let baseline): try database.run(Baseline.table.save, baseline.values)
    case .forgetBaseline(let vf): try database.run(Baseline.table.delete, [vf.description])
    case .openLease(let lease):
      try Self.demand(lease.contradiction(after: nil))
      try database.run(Lease.table.insert, lease.openValues())
    case .updateLease(let lease):
      try Self.demand(lease.contradiction(after: Self.lease(lease.id, in: database).state))
      try database.run(Lease.table.update, lease.openValues() + [lease.id])
    case .closeLease(let id, let until, let end):
      let lease = try Self.lease(id, in: database)
      try Self.demand(lease.contradiction(to: end))
      try database.run(Lease.table.delete, [id])
      try database.run(Lease.closedTable.insert, lease.values + [until.milliseconds, end.rawValue])
    case .addHold(let hold): try database.run(Hold.table.save, hold.values)
    case .dropHold(let port): try database.run(Hold.table.delete, [port])
    case .bind(let binding):
      if binding.guest.uuid != nil { try database.run(MACBinding.table.delete, binding.namedKey.values) }
      try database.run(MACBinding.table.save, binding.values)
    case .unbind(let key): try database.run(MACBinding.table.delete, key.values)
    case .quarantine(let quarantine): try database.run(Quarantine.table.save, quarantine.values)
    case .unquarantine(let vf): try database.run(Quarantine.table.delete, [vf.description])
    case .keepCount(let count): try database.run(OwnVFCount.table.save, count.values)
    case .forgetCount(let pf): try database.run(OwnVFCount.table.delete, [pf.description])
    }
  }

  private static func demand(_ contradiction: String?) throws {
    if let contradiction { throw Contradiction(detail: contradiction) }
  }

  /// An open lease as the ledger has it.
  private static func lease(_ id: Int64, in database: Database) throws -> Lease {
    let open = try database.rows(of: "lease", "SELECT * FROM lease WHERE id = ?", arguments: [id]) { try Lease($0) }
    guard let lease = open.first else { throw Contradiction(detail: "no lease \(id) is open") }
    return lease
  }
}
