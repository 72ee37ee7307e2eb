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
    case .openLease(let lease): try database.run(Lease.table.insert, lease.values)
    case .updateLease(let lease):
      guard try database.run(Lease.table.update, lease.values + [lease.id]) == 1 else { throw Self.noLease(lease.id) }
    case .closeLease(let id, let until, let reason):
      let open = try database.rows(of: "lease", "SELECT * FROM lease WHERE id = ?", arguments: [id], read: Lease.init)
      guard let lease = open.first else { throw Self.noLease(id) }
      try database.run(Lease.table.delete, [id])
      try database.run(Lease.closedTable.insert, lease.values + [until.milliseconds, reason])
    case .addHold(let hold): try database.run(Hold.table.save, hold.values)
    case .dropHold(let port): try database.run(Hold.table.delete, [port])
    case .bind(let binding): try database.run(MACBinding.table.save, binding.values)
    case .quarantine(let quarantine): try database.run(Quarantine.table.save, quarantine.values)
    case .unquarantine(let vf): try database.run(Quarantine.table.delete, [vf.description])
    }
  }

  private static func noLease(_ id: Int64) -> Contradiction { Contradiction(detail: "no lease \(id) is open") }
}
