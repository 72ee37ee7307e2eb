import GRDB
import PoolModel

/// The ledger: an SQLite database that one process writes.
///
/// Write-ahead logging with `synchronous = FULL`: what `commit` has reported done survives a power cut.
public final class LedgerStore: Sendable {
  public let path: String
  private let database: DatabasePool

  /// Opens the ledger at `path`, brings its tables to this version's, and checks that it is whole.
  ///
  /// A missing folder is made with rights 0700, a missing file with 0600. Throws when the file can't be opened or
  /// made, isn't a ledger, is damaged, or was made by a newer vfpool; the file is then as it was.
  public init(path: String) throws(LedgerError) {
    self.path = path
    try LedgerFile.create(path)
    do {
      database = try DatabasePool(path: path, configuration: Self.configuration)
      try database.writeWithoutTransaction { try Self.prepare($0, path: path) }
      try LedgerSchema.migrator.migrate(database)
    } catch {
      throw LedgerError("open", path: path, cause: error)
    }
  }

  /// Everything but the history, as the commits that were called before have left it.
  public func load() async throws -> LedgerContents {
    // Queued behind the commits, on their connection. GRDB's own async calls give up when the task is cancelled.
    try await withCheckedThrowingContinuation { continuation in
      database.asyncWriteWithoutTransaction { [path] database in
        continuation.resume(
          with: Result { try LedgerContents(database) }.mapError { LedgerError("load", path: path, cause: $0) })
      }
    }
  }

  /// Makes `changes` durable in one transaction, all or none, then calls `done` with how that went.
  ///
  /// Transactions are done in the order of the calls. `done` runs on the ledger's own queue, in the same order, and must
  /// not block. A failure is a `LedgerError`; later commits are not concerned.
  public func commit(_ changes: [LedgerChange], done: @escaping @Sendable (Result<Void, any Error>) -> Void) {
    database.asyncWrite { database in
      for change in changes { try change.write(to: database) }
    } completion: { [path] _, result in
      done(result.mapError { LedgerError("commit to", path: path, cause: $0) })
    }
  }

  /// The closed leases that `filter` lets through, the one that ended last first.
  ///
  /// With `at`: those that were open at that moment, their first millisecond included, their last not.
  public func history(_ filter: HistoryFilter) async throws -> [ClosedLease] {
    do {
      return try await database.read { try filter.fetch($0) }
    } catch {
      throw LedgerError("read", path: path, cause: error)
    }
  }

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
