import Foundation
import GRDB
import PoolModel
import Testing

@testable import LedgerStore

struct LedgerCareTests {
  private static let now = Sample.time
  private static let audit = AuditEntry(
    time: now, uid: 0, user: "root", pid: 1, operation: "ledger restore", object: "file=copy", outcome: "done",
    until: now)

  /// A ledger with a pool, an open lease, a binding, and so many leases that are over.
  private func fill(_ path: String, closed: Int64 = 3) async throws -> LedgerContents {
    let store = try LedgerStore(path: path)
    try await store.commit([.savePool(Sample.pool, netdef: "<network/>")])
    for id in 1...closed {
      try await store.commit([
        .openLease(Sample.lease(id, vf: Sample.vf(3))), .closeLease(id: id, until: Self.now, end: .startFailed),
      ])
    }
    try await store.commit([
      .openLease(Sample.lease(closed + 1, vf: Sample.vf(4))),
      .bind(
        MACBinding(
          guest: Sample.guest, pool: "tenant-a", nic: 0, mac: Sample.mac, lastVF: nil, lastSeen: Self.now)),
    ])
    let contents = try await store.load()
    try store.close()
    return contents
  }

  private func contents(_ path: String) async throws -> LedgerContents {
    let store = try LedgerStore(path: path)
    let contents = try await store.load()
    try store.close()
    return contents
  }

  @Test func aWholeLedgerIsWholeAlsoWhileItIsWritten() async throws {
    let folder = try TemporaryFolder()
    _ = try await fill(folder.ledger)
    let writer = try LedgerStore(path: folder.ledger)
    try await writer.commit([.saveBaseline(Baseline(vf: Sample.vf(1), state: VFState(mac: .zero), taken: Self.now))])
    let survey = try LedgerCare.check(folder.ledger)
    #expect(survey.faults == [])
    #expect(survey.rows["lease"] == 1 && survey.rows["history"] == 3 && survey.rows["baseline"] == 1)
    #expect(survey.bytes > 10_000)
  }

  @Test func aBackupIsALedgerAndTakesTheLedgersPlace() async throws {
    let folder = try TemporaryFolder()
    let before = try await fill(folder.ledger)
    let copy = folder.path + "/copy.sqlite"
    #expect(try LedgerCare.backUp(folder.ledger, to: copy).faults == [])
    let rights = try FileManager.default.attributesOfItem(atPath: copy)[.posixPermissions] as? Int
    #expect(rights == 0o600)
    #expect(throws: LedgerError.self) { try LedgerCare.backUp(folder.ledger, to: copy) }
    let store = try LedgerStore(path: folder.ledger)
    try await store.commit([.quarantine(Quarantine(vf: Sample.vf(5), why: "later", since: Self.now, port: nil))])
    try store.close()
    let survey = try LedgerCare.restore(folder.ledger, from: copy, audit: Self.audit)
    #expect(survey.faults == [] && survey.rows["quarantine"] == 0)
    #expect(try await contents(folder.ledger) == before)
    let aside = try #require(survey.aside)
    #expect(try await contents(aside).quarantines.count == 1)
  }

  /// What was changed since the backup is still known, and that it was restored.
  @Test func theAuditGoesOnOverARestore() async throws {
    let folder = try TemporaryFolder()
    _ = try await fill(folder.ledger)
    func audit(_ object: String) -> AuditEntry {
      AuditEntry(time: Self.now, uid: 0, user: "root", pid: 1, operation: "POST /v1/x", object: object)
    }
    func add(_ object: String) async throws {
      let store = try LedgerStore(path: folder.ledger)
      _ = try await store.begin(audit(object))
      try store.close()
    }
    try await add("before")
    let copy = folder.path + "/copy"
    _ = try LedgerCare.backUp(folder.ledger, to: copy)
    try await add("since")
    _ = try LedgerCare.restore(folder.ledger, from: copy, audit: Self.audit)
    let found = try await LedgerStore(path: folder.ledger).audits(AuditFilter())
    #expect(found.map(\.object) == ["file=copy", "since", "before"])
    // Where there is no ledger left, the backup's own.
    for part in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: folder.ledger + part) }
    _ = try LedgerCare.restore(folder.ledger, from: copy, audit: Self.audit)
    #expect(try await LedgerStore(path: folder.ledger).audits(AuditFilter()).map(\.object) == ["file=copy", "before"])
  }

  /// A fleet tells by it whether a host's ledger lacks what it once had.
  @Test func aLedgerThatTakesAnothersPlaceHasAnotherID() async throws {
    let folder = try TemporaryFolder()
    _ = try await fill(folder.ledger)
    func id() throws -> String { try LedgerStore(path: folder.ledger).id }
    let first = try id()
    #expect(first.count == 32)
    #expect(try id() == first)
    let copy = folder.path + "/copy"
    _ = try LedgerCare.backUp(folder.ledger, to: copy)
    _ = try LedgerCare.restore(folder.ledger, from: copy, audit: Self.audit)
    let second = try id()
    #expect(second != first)
    #expect(try LedgerStore(path: copy).id == first)
    _ = try LedgerCare.rebuild(folder.ledger, audit: Self.audit)
    #expect(try ![first, second].contains(id()))
  }

  @Test func whatIsNoLedgerIsRefusedAndNothingMoves() async throws {
    let folder = try TemporaryFolder()
    let before = try await fill(folder.ledger)
    let bad = folder.path + "/bad"
    try Data(repeating: 0x55, count: 100_000).write(to: URL(fileURLWithPath: bad))
    for file in [bad, folder.path + "/missing"] {
      #expect(throws: LedgerError.self) { try LedgerCare.restore(folder.ledger, from: file, audit: Self.audit) }
    }
    let newer = folder.path + "/newer"
    _ = try LedgerCare.backUp(folder.ledger, to: newer)
    try await DatabaseQueue(path: newer).write {
      try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('9999')")
    }
    #expect(try LedgerCare.check(newer).faults == ["a newer vfpool has written it"])
    #expect(throws: LedgerError.self) { try LedgerCare.restore(folder.ledger, from: newer, audit: Self.audit) }
    #expect(try await contents(folder.ledger) == before)
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.contains(".new") }
    #expect(left == [])
  }

  @Test func ofADamagedOneWhatCanBeReadIsTakenOver() async throws {
    let folder = try TemporaryFolder()
    let before = try await fill(folder.ledger, closed: 2000)
    // A page in the middle of the history.
    let page = try DatabaseQueue(path: folder.ledger).inDatabase { database in
      try database.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
      return try Int.fetchOne(
        database, sql: "SELECT pageno FROM dbstat WHERE name = 'history' AND pagetype = 'leaf' LIMIT 1 OFFSET 20")
    }
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: folder.ledger))
    try file.seek(toOffset: UInt64((page ?? 60) - 1) * 4096)
    try file.write(contentsOf: Data(repeating: 0xff, count: 4096))
    try file.close()
    let error = #expect(throws: LedgerError.self) { try LedgerStore(path: folder.ledger) }
    #expect(error?.code == .damaged)
    #expect(try !LedgerCare.check(folder.ledger).faults.isEmpty)
    let survey = try LedgerCare.rebuild(folder.ledger, audit: Self.audit)
    #expect(survey.faults == [])
    #expect(try await contents(folder.ledger) == before)
    let history = try #require(survey.rows["history"])
    #expect(history > 1900 && history < 2000)
    #expect(survey.lost?.keys.sorted() == ["history"])
    #expect(survey.aside.map { FileManager.default.fileExists(atPath: $0) } == true)
  }

  @Test func ofAFileThatIsNoDatabaseNothingIsLeftButANewLedger() async throws {
    let folder = try TemporaryFolder()
    try Data(repeating: 0x55, count: 100_000).write(to: URL(fileURLWithPath: folder.ledger))
    let survey = try LedgerCare.rebuild(folder.ledger, audit: Self.audit)
    #expect(survey.faults == [] && survey.rows["pool"] == 0)
    #expect(survey.lost?.count == 9)
    #expect(try await contents(folder.ledger).pools.isEmpty)
  }
}
