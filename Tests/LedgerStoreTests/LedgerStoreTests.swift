import Foundation
import GRDB
import PoolModel
import Synchronization
import Testing

@testable import LedgerStore

struct LedgerStoreTests {
  private func failure(opening path: String) throws -> LedgerError {
    try #require(throws: LedgerError.self) { try LedgerStore(path: path) }
  }

  private func mode(of path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return try #require(attributes[.posixPermissions] as? Int)
  }

  @Test func startsEmpty() async throws {
    let folder = try TemporaryFolder()
    #expect(try await LedgerStore(path: folder.ledger).load() == LedgerContents())
  }

  @Test func makesFolderAndFileForTheOwnerAlone() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/var/lib/ledger.sqlite"
    let store = try LedgerStore(path: path)
    try await store.commit([.savePool(Sample.pool, netdef: "")])
    #expect(try mode(of: folder.path + "/var") == 0o700)
    #expect(try mode(of: folder.path + "/var/lib") == 0o700)
    for suffix in ["", "-wal", "-shm"] { #expect(try mode(of: path + suffix) == 0o600, "\(suffix)") }
  }

  @Test(arguments: [
    ("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1"), ("busy_timeout", "5000"),
    ("wal_autocheckpoint", "1000"), ("journal_size_limit", "16777216"),
  ])
  func settingsAreReallySet(pragma: String, value: String) throws {
    let folder = try TemporaryFolder()
    #expect(try LedgerStore(path: folder.ledger).setting(pragma) == value)
  }

  @Test func openingTwiceChangesNothing() async throws {
    let folder = try TemporaryFolder()
    try await LedgerStore(path: folder.ledger).commit([.savePool(Sample.pool, netdef: "x")])
    for _ in 0..<2 {
      let contents = try await LedgerStore(path: folder.ledger).load()
      #expect(contents.pools == [Sample.pool.name: Sample.pool])
      #expect(contents.netdefs == [Sample.pool.name: "x"])
    }
  }

  @Test func refusesANewerLedger() async throws {
    let folder = try TemporaryFolder()
    try await LedgerStore(path: folder.ledger).commit([.savePool(Sample.pool, netdef: "")])
    let queue = try DatabaseQueue(path: folder.ledger)
    try await queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('999')") }
    let error = try failure(opening: folder.ledger)
    #expect(error.code == .newerVersion)
    #expect(error.description.contains("made by a newer vfpool (schema 999)"))
    let pools = try await queue.read { try String.fetchAll($0, sql: "SELECT name FROM pool") }
    #expect(pools == [Sample.pool.name])
  }

  @Test(arguments: [Data("this is no database, but long enough to be taken for one".utf8), Data(count: 4096)])
  func refusesWhatIsNoLedger(bytes: Data) throws {
    let folder = try TemporaryFolder()
    try bytes.write(to: URL(fileURLWithPath: folder.ledger))
    let error = try failure(opening: folder.ledger)
    #expect(error.code == .damaged)
    #expect(error.description.contains(folder.ledger))
  }

  @Test func noticesADamagedLedger() async throws {
    let folder = try TemporaryFolder()
    do {
      let store = try LedgerStore(path: folder.ledger)
      for index in 0..<50 {
        try await store.commit([.savePool(Pool(name: "p\(index)"), netdef: String(repeating: "x", count: 2000))])
      }
    }
    // A copy without the log, with all pages behind the first two overwritten.
    var configuration = Configuration()
    // The store's own connections may still be closing.
    configuration.busyMode = .timeout(5)
    let queue = try DatabaseQueue(path: folder.ledger, configuration: configuration)
    try await queue.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
    try queue.close()
    var bytes = try Data(contentsOf: URL(fileURLWithPath: folder.ledger))
    try #require(bytes.count > 20 * 4096)
    bytes.replaceSubrange(2 * 4096..<bytes.count, with: Data(repeating: 0xa5, count: bytes.count - 2 * 4096))
    let copy = folder.path + "/copy.sqlite"
    try bytes.write(to: URL(fileURLWithPath: copy))
    #expect(try failure(opening: copy).code == .damaged)
  }

  @Test(arguments: [
    "UPDATE baseline SET mac = 'nonsense'", "UPDATE baseline SET linkState = 'sideways'",
    "UPDATE pool SET details = '{}'", "UPDATE quarantine SET vf = '01:00'",
  ])
  func namesValuesThatMakeNoSense(sql: String) async throws {
    let folder = try TemporaryFolder()
    let store = try LedgerStore(path: folder.ledger)
    try await store.commit([
      .savePool(Sample.pool, netdef: ""), .quarantine(Quarantine(vf: Sample.vf(0), why: "", since: Sample.time)),
      .saveBaseline(Baseline(vf: Sample.vf(0), state: VFState(mac: .zero), taken: Sample.time)),
    ])
    try await DatabaseQueue(path: folder.ledger).write { try $0.execute(sql: sql) }
    let error = await #expect(throws: LedgerError.self) { try await store.load() }
    #expect(error?.code == .damaged)
  }

  @Test(arguments: ["/proc/vfpool/ledger.sqlite", "/dev/null/ledger.sqlite", "/proc"])
  func namesWhatCannotBeMade(path: String) throws {
    let error = try failure(opening: path)
    #expect(error.code == .unavailable)
    #expect(error.rawCode != 0)
    #expect(error.description.contains(path))
  }

  @Test func commitsInTheOrderOfTheCalls() async throws {
    let folder = try TemporaryFolder()
    let store = try LedgerStore(path: folder.ledger)
    let order = Mutex<[Int]>([])
    let count = 200
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      for index in 0..<count {
        // Every seventh fails; the others are not concerned.
        let change: LedgerChange =
          index % 7 == 6
          ? .openLease(Sample.lease(1, pool: "unknown"))
          : .quarantine(Quarantine(vf: Sample.vf(0), why: "\(index)", since: Sample.time))
        store.commit([change]) { result in
          if case .success = result { order.withLock { $0.append(index) } }
          if index == count - 1 { continuation.resume() }
        }
      }
    }
    #expect(order.withLock { $0 } == (0..<count).filter { $0 % 7 != 6 })
    #expect(try await store.load().quarantines[Sample.vf(0)]?.why == "199")
  }

  @Test func loadSeesWhatWasCommittedBefore() async throws {
    let folder = try TemporaryFolder()
    let store = try LedgerStore(path: folder.ledger)
    for index in 0..<50 {
      store.commit([.quarantine(Quarantine(vf: Sample.vf(0), why: "\(index)", since: Sample.time))]) { _ in }
      #expect(try await store.load().quarantines[Sample.vf(0)]?.why == "\(index)")
    }
  }

  @Test func loadsInACancelledTaskToo() async throws {
    let folder = try TemporaryFolder()
    let store = try LedgerStore(path: folder.ledger)
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try await store.commit([.savePool(Sample.pool, netdef: "")])
      return try await store.load()
    }
    #expect(try await task.value.pools.count == 1)
  }
}

extension LedgerStore {
  /// As the flows do it.
  func commit(_ changes: [LedgerChange]) async throws {
    try await withCheckedThrowingContinuation { continuation in
      commit(changes) { continuation.resume(with: $0) }
    }
  }
}
