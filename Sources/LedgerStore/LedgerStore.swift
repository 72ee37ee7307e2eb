import GRDB
import PoolModel
import Synchronization

/// The ledger: an SQLite database that one process writes.
///
/// Write-ahead logging with `synchronous = FULL`: what `commit` has reported done survives a power cut. The history is
/// bounded by `prune`; the pages that it gives up are used again, so the file stays as large as it was at its fullest.
public final class LedgerStore: Sendable {
  public let path: String
  /// Made with the ledger: one that takes its place, also from a backup, has another.
  public let id: String
  /// Tells when the history has grown by `growthToTell` leases. For one reader.
  public let historyGrew: AsyncStream<Void>
  static let growthToTell = 1000
  private let tellGrowth: AsyncStream<Void>.Continuation
  private let growth = Mutex(0)
  private let database: DatabasePool

  /// Opens the ledger at `path`, brings its tables to this version's, and checks that it is whole.
  ///
  /// A missing folder is made with rights 0700, a missing file with 0600. Throws when the file can't be opened or
  /// made, isn't a ledger, is damaged, or was made by a newer vfpool; the file is then as it was.
  public init(path: String) throws(LedgerError) {
    self.path = path
    (historyGrew, tellGrowth) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    try LedgerFile.create(path)
    do {
      database = try DatabasePool(path: path, configuration: Self.configuration)
      try database.writeWithoutTransaction { try Self.prepare($0, path: path) }
      try LedgerSchema.migrator.migrate(database)
      id = try database.read { try String.fetchOne($0, sql: "SELECT id FROM identity") ?? "" }
    } catch {
      throw LedgerError("open", path: path, cause: error)
    }
  }

  /// Everything but the history, as the commits that were called before have left it.
  public func load() async throws -> LedgerContents {
    try await inOrder("load") { try LedgerContents($0) }
  }

  /// Does `body` in a transaction behind the commits, on their connection. GRDB's own async calls give up when the task is
  /// cancelled.
  func inOrder<T: Sendable>(
    _ operation: String, _ body: @escaping @Sendable (Database) throws -> T
  ) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      database.asyncWrite(body) { [path] _, result in
        continuation.resume(with: result.mapError { LedgerError(operation, path: path, cause: $0) })
      }
    }
  }

  /// Makes `changes` durable in one transaction, all or none, then calls `done` with how that went.
  ///
  /// Transactions are done in the order of the calls. `done` runs on the ledger's own queue, in the same order, and must
  /// not block. A failure is a `LedgerError`; later commits are not concerned.
  public func commit(_ changes: [LedgerChange], done: @escaping @Sendable (Result<Void, any Error>) -> Void) {
    let closed = changes.count { if case .closeLease = $0 { true } else { false } }
    database.asyncWrite { database in
      for change in changes { try change.write(to: database) }
    } completion: { [self] _, result in
      if case .success = result, closed > 0 { noteGrowth(closed) }
      done(result.mapError { LedgerError("commit to", path: path, cause: $0) })
    }
  }

  private func noteGrowth(_ closed: Int) {
    let isTime = growth.withLock { growth in
      growth += closed
      guard growth >= Self.growthToTell else { return false }
      growth = 0
      return true
    }
    if isTime { tellGrowth.yield() }
  }

  /// Forgets what of the history, and of the audit, is older or more than `retention` allows; how many leases that were.
  ///
  /// What is to go is found beside the commits; it goes in transactions of at most `batch` leases, between which commits
  /// have their turn. When the task is cancelled the rest stays for the next time.
  public func prune(_ retention: Retention, now: Timestamp, batch: Int = 1000) async throws -> Int {
    _ = try await prune(.audit, retention, now: now, batch: batch)
    return try await prune(.history, retention, now: now, batch: batch)
  }

  private func prune(_ table: AgingTable, _ retention: Retention, now: Timestamp, batch: Int) async throws -> Int {
    guard let cutoff = try await read({ try table.cutoff(retention, now: now, $0) }) else { return 0 }
    var gone = 0
    while !Task.isCancelled {
      let deleted = try await inOrder("prune") { try table.delete(upTo: cutoff, atMost: batch, $0) }
      gone += deleted
      if deleted < batch { break }
    }
    return gone
  }

  /// The closed leases that `filter` lets through, the one that ended last first.
  ///
  /// With `at`: those that were open at that moment, their first millisecond included, their last not.
  public func history(_ filter: HistoryFilter) async throws -> [ClosedLease] {
    try await read { try filter.fetch($0) }
  }

  /// Beside the commits.
  func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
    do { return try await database.read(body) } catch { throw LedgerError("read", path: path, cause: error) }
  }

  // MARK: Before anybody else uses it

  func contentsNow() throws -> LedgerContents { try database.read { try LedgerContents($0) } }

  func inTransaction<T>(_ body: (Database) throws -> T) throws -> T { try database.write(body) }

  /// Nothing can be done with it afterwards.
  func close() throws { try database.close() }

  /// Reads a setting of the connection that writes.
  func setting(_ pragma: String) throws -> String? {
    try database.writeWithoutTransaction { try String.fetchOne($0, sql: "PRAGMA \(pragma)") }
  }

  private static var configuration: Configuration {
    var configuration = Configuration()
    configuration.label = "vfpool.ledger"
    configuration.foreignKeysEnabled = true
    configuration.busyMode = .timeout(5)
    configuration.maximumReaderCount = 2
    return configuration
  }

  private static func prepare(_ database: Database, path: String) throws {
    // GRDB sets NORMAL along with WAL, which may lose the last commits in a power cut.
    try database.execute(sql: "PRAGMA synchronous = FULL")
    // A checkpoint every 4 MB of log; a log that once grew longer is cut back.
    try database.execute(sql: "PRAGMA wal_autocheckpoint = 1000")
    try database.execute(sql: "PRAGMA journal_size_limit = 16777216")
    if try LedgerSchema.migrator.hasBeenSuperseded(database) {
      let known = Set(LedgerSchema.migrator.migrations)
      let unknown = try LedgerSchema.migrator.appliedIdentifiers(database).subtracting(known).sorted()
      throw LedgerError(
        code: .newerVersion, operation: "open", path: path, detail: "schema \(unknown.joined(separator: ", "))")
    }
    let verdict = try String.fetchOne(database, sql: "PRAGMA quick_check(1)")
    guard verdict == "ok" else {
      throw LedgerError(code: .damaged, operation: "open", path: path, detail: verdict ?? "quick_check said nothing")
    }
  }
}
