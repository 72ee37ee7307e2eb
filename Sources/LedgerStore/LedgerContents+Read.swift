import GRDB
import PoolModel

extension LedgerContents {
  /// Everything but the history.
  init(_ database: Database) throws {
    self.init()
    let read = try database.rows(of: "pool", "SELECT * FROM pool") { (try Pool($0), try $0.text("netdef")) }
    for (pool, netdef) in read {
      pools[pool.name] = pool
      netdefs[pool.name] = netdef
    }
    for baseline in try database.rows(of: "baseline", "SELECT * FROM baseline", read: Baseline.init) {
      baselines[baseline.vf] = baseline
    }
    for lease in try database.rows(of: "lease", "SELECT * FROM lease", read: Lease.init(open:)) {
      apply(.openLease(lease))
    }
    for hold in try database.rows(of: "hold", "SELECT * FROM hold", read: Hold.init) { holds[hold.port] = hold }
    for binding in try database.rows(of: "macBinding", "SELECT * FROM macBinding", read: MACBinding.init) {
      bindings[binding.key] = binding
    }
    for quarantine in try database.rows(of: "quarantine", "SELECT * FROM quarantine", read: Quarantine.init) {
      quarantines[quarantine.vf] = quarantine
    }
    for count in try database.rows(of: "vfCount", "SELECT * FROM vfCount", read: OwnVFCount.init(_:)) {
      counts[count.pci] = count
    }
    // SQLite's own counter outlives the rows; the tables are asked too, in case someone edited them by hand.
    let used = try Int64.fetchOne(
      database,
      sql: """
        SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'lease'), 0),
          coalesce((SELECT max(id) FROM lease), 0), coalesce((SELECT max(id) FROM history), 0))
        """)
    nextLeaseID = (used ?? 0) + 1
  }
}
