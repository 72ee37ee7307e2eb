import GRDB
import PoolModel
import Testing

@testable import LedgerStore

struct LedgerSchemaTests {
  /// A ledger as schema `version` had it, with an open lease 8 and a closed one 7.
  private func ledger(in folder: TemporaryFolder, version: String) async throws {
    let queue = try DatabaseQueue(path: folder.ledger)
    let byName = (Int(version) ?? 0) >= 7
    try LedgerSchema.migrator.migrate(queue, upTo: version)
    try await queue.write { database in
      try database.execute(
        sql: """
          INSERT INTO pool VALUES ('\(Sample.pool.name)', NULL, 'enforce', ?, '<network/>');
          INSERT INTO lease (id, pool, guest, guestUUID, nic, mac, vf, state, port, since, bootID)
            VALUES (7, '\(Sample.pool.name)', 'web', 'u', 0, '52:54:00:aa:00:01', '0000:01:10.0', 'freed', 'p7', 5, 'b');
          INSERT INTO history (id, pool, guest, guestUUID, nic, mac, vf, state, port, since, bootID, until, reason)
            SELECT id, pool, guest, guestUUID, nic, mac, vf, state, port, since, bootID, 6, 'as an admin said' FROM lease;
          DELETE FROM lease;
          INSERT INTO lease (id, pool, guest, guestUUID, nic, mac, vf, state, port, since, bootID)
            VALUES (8, '\(Sample.pool.name)', 'web', 'u', 0, '52:54:00:aa:00:01', '0000:01:10.0', 'active', 'p8', 7, 'b');
          INSERT INTO macBinding (guestUUID, pool, nic, guest, mac, lastVF, lastSeen\(byName ? ", owner, isOwed" : ""))
            VALUES ('u', 'gone', 1, 'web', '52:54:00:aa:00:01', '0000:01:10.0', 7\(byName ? ", 'u', 0" : "")),
              ('v', 'p', 0, 'db', '52:54:00:aa:00:01', NULL, 8\(byName ? ", 'v', 0" : ""));
          """, arguments: [try TypedRow.json(Sample.pool)])
    }
    try queue.close()
  }

  @Test(arguments: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]) func ledgersOfEarlierVersionsGoOn(
    version: String
  ) async throws {
    let folder = try TemporaryFolder()
    try await ledger(in: folder, version: version)
    let store = try LedgerStore(path: folder.ledger)
    let contents = try await store.load()
    #expect(contents.pools == [Sample.pool.name: Sample.pool])
    #expect(contents.nextLeaseID == 9)
    let mac = MACAddress(value: 0x5254_00aa_0001)
    #expect(
      contents.bindings == [
        .init(guestUUID: "u", pool: "gone", nic: 1): MACBinding(
          guest: GuestID(name: "web", uuid: "u"), pool: "gone", nic: 1, mac: mac,
          lastVF: PCIAddress("0000:01:10.0"), lastSeen: Timestamp(milliseconds: 7)),
        .init(guestUUID: "v", pool: "p", nic: 0): MACBinding(
          guest: GuestID(name: "db", uuid: "v"), pool: "p", nic: 0, mac: mac, lastVF: nil,
          lastSeen: Timestamp(milliseconds: 8)),
      ])
    let lease = try #require(contents.leases[8])
    let closed = try await store.history(HistoryFilter())
    #expect(closed.map(\.reason) == ["as an admin said"])
    #expect(closed.map(\.outcome) == [.closed])
    #expect(try await store.prune(Retention(), now: Sample.time) == 1)
    await #expect(throws: LedgerError.self) { try await store.commit([.openLease(Sample.lease(7))]) }
    try await store.commit([.updateLease(lease.freed())])
    try await store.commit([.closeLease(id: 8, until: Sample.time, end: .guestStopped), .openLease(Sample.lease(9))])
    #expect(try await store.history(HistoryFilter()).map(\.lease.id) == [8])
  }
}
