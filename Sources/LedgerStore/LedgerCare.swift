import Foundation
import GRDB
import PoolModel

/// Looking after the ledger's file. Restoring and rebuilding are for when no vfpoold runs.
public enum LedgerCare {
  private static let tables = [
    "pool", "baseline", "lease", "history", "hold", "macBinding", "quarantine", "vfCount", "audit",
  ]

  /// Reads the whole file, also while vfpoold writes it. Throws when there is nothing that could be read.
  public static func check(_ path: String) throws(LedgerError) -> LedgerSurvey {
    try read(path) { database in
      var faults: [String] = []
      // A check that breaks off has found something, too.
      func look(_ body: () throws -> [String]) {
        do { faults += try body() } catch { faults.append(LedgerError("read", path: path, cause: error).detail) }
      }
      look { try String.fetchAll(database, sql: "PRAGMA integrity_check(100)").filter { $0 != "ok" } }
      look {
        try Row.fetchAll(database, sql: "PRAGMA foreign_key_check").map { row in
          "table \(row[0] as String? ?? "?"): row \(row[1] as Int64? ?? 0) refers to nothing"
        }
      }
      look { try LedgerSchema.migrator.hasBeenSuperseded(database) ? ["a newer vfpool has written it"] : [] }
      if faults.isEmpty {
        look {
          if try LedgerSchema.migrator.hasCompletedMigrations(database) { _ = try LedgerContents(database) }
          return []
        }
      }
      return LedgerSurvey(path: path, bytes: size(path), faults: faults, rows: counts(database))
    }
  }

  /// Writes a copy as of one moment to `file`, also while vfpoold writes the ledger; a file that is there is refused.
  public static func backUp(_ path: String, to file: String) throws(LedgerError) -> LedgerSurvey {
    guard !FileManager.default.fileExists(atPath: file) else {
      throw LedgerError(code: .unavailable, operation: "back up", path: path, detail: "\(file) is there already")
    }
    try LedgerFile.create(file)
    do {
      try read(path) { source in
        try DatabaseQueue(path: file).inDatabase { target in
          try source.backup(to: target)
          // One file, without a log beside it.
          try target.execute(sql: "PRAGMA journal_mode = DELETE")
        }
      }
      return try check(file)
    } catch {
      try? FileManager.default.removeItem(atPath: file)
      throw LedgerError("back up", path: path, cause: error)
    }
  }

  /// Puts the backup `file` in the ledger's place, once it has shown that it can be used; the ledger that was there is put
  /// aside. Its audit goes on, as far as it can be read, with `audit` in it.
  public static func restore(
    _ path: String, from file: String, audit: AuditEntry
  ) throws(LedgerError) -> LedgerSurvey {
    let new = path + ".new"
    remove(new)
    guard FileManager.default.fileExists(atPath: file) else {
      throw LedgerError(code: .unavailable, operation: "restore", path: path, detail: "\(file): no such file")
    }
    _ = try backUp(file, to: new)
    do {
      try open(new) { store in
        if FileManager.default.fileExists(atPath: path) { _ = try? store.takeOver(path, ["audit"]) }
        try store.inTransaction { database in
          try audit.insert(into: database)
          try LedgerSchema.renewIdentity(database)
        }
      }
      return try put(new, inPlaceOf: path, aside: "replaced", audit.time)
    } catch {
      remove(new)
      throw LedgerError("restore", path: path, cause: error)
    }
  }

  /// Makes a new ledger of all rows of the old one that can be read and fit, with `audit`, and puts the old one aside.
  public static func rebuild(_ path: String, audit: AuditEntry) throws(LedgerError) -> LedgerSurvey {
    let new = path + ".new"
    remove(new)
    do {
      let lost = try open(new) { store in
        let lost = try store.takeOver(path, tables)
        _ = try store.inTransaction { try audit.insert(into: $0) }
        return lost
      }
      var survey = try put(new, inPlaceOf: path, aside: "damaged", audit.time)
      survey.lost = lost
      return survey
    } catch {
      remove(new)
      throw LedgerError("rebuild", path: path, cause: error)
    }
  }

  private static func open<T>(_ path: String, _ body: (LedgerStore) throws -> T) throws -> T {
    let store = try LedgerStore(path: path)
    let result = try body(store)
    try store.close()
    return result
  }

  /// Once the new one has shown that it can be used.
  private static func put(
    _ new: String, inPlaceOf path: String, aside word: String, _ time: Timestamp
  ) throws -> LedgerSurvey {
    try use(new)
    let aside = try putAside(path, word, time)
    try FileManager.default.moveItem(atPath: new, toPath: path)
    var survey = try check(path)
    survey.aside = aside
    return survey
  }

  /// As vfpoold will: the checks of the start, this version's tables, everything read once. Leaves one file.
  private static func use(_ path: String) throws {
    _ = try open(path) { try $0.contentsNow() }
    try DatabaseQueue(path: path).inDatabase { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
  }

  private static func read<T>(_ path: String, _ body: (Database) throws -> T) throws(LedgerError) -> T {
    guard FileManager.default.fileExists(atPath: path) else {
      throw LedgerError(code: .unavailable, operation: "read", path: path, detail: "no such file")
    }
    do {
      // Not read-only: where vfpoold was killed, the log is part of what is there, and needs its index made.
      return try DatabaseQueue(path: path).inDatabase(body)
    } catch {
      throw LedgerError("read", path: path, cause: error)
    }
  }

  private static func counts(_ database: Database) -> [String: Int] {
    var counts: [String: Int] = [:]
    for table in tables { counts[table] = (try? Int.fetchOne(database, sql: "SELECT count(*) FROM \(table)")) ?? nil }
    return counts
  }

  private static let parts = ["", "-wal", "-shm"]

  private static func size(_ path: String) -> Int64 {
    parts.dropLast().reduce(0) { sum, part in
      let attributes = try? FileManager.default.attributesOfItem(atPath: path + part)
      return sum + ((attributes?[.size] as? NSNumber)?.int64Value ?? 0)
    }
  }

  private static func remove(_ path: String) {
    for part in parts { try? FileManager.default.removeItem(atPath: path + part) }
  }

  /// The file with its log, under another name; nil = there is none.
  private static func putAside(_ path: String, _ word: String, _ now: Timestamp) throws -> String? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let aside = "\(path).\(word)-\(now.milliseconds)"
    for part in parts where FileManager.default.fileExists(atPath: path + part) {
      try FileManager.default.moveItem(atPath: path + part, toPath: aside + part)
    }
    return aside
  }
}

extension LedgerStore {
  /// Takes over the rows of another ledger, from both ends of each table, as far as they can be read and fit; how many of
  /// each table didn't.
  fileprivate func takeOver(_ old: String, _ tables: [String]) throws -> [String: Int] {
    var lost: [String: Int] = [:]
    guard let source = try? DatabaseQueue(path: old) else {
      return Dictionary(uniqueKeysWithValues: tables.map { ($0, 1) })
    }
    for table in tables {
      let taken = Taken()
      let isWhole = try ["ASC", "DESC"].contains { order in
        // One transaction a table: what was taken before a row that can't be read stays.
        try inTransaction { target in
          (try? source.inDatabase { try Self.take(table, order, from: $0, into: target, taken) }) != nil
        }
      }
      let missing = taken.refused + (isWhole ? 0 : 1)
      if missing > 0 { lost[table] = missing }
    }
    return lost
  }

  private final class Taken {
    var rows: Set<Int64> = []
    var refused = 0
  }

  /// Throws at the first row that can't be read.
  private static func take(
    _ table: String, _ order: String, from source: Database, into target: Database, _ taken: Taken
  ) throws {
    let known = try target.columns(in: table).map(\.name)
    let cursor = try Row.fetchCursor(source, sql: "SELECT rowid AS \"row id\", * FROM \(table) ORDER BY rowid \(order)")
    while let row = try cursor.next() {
      guard taken.rows.insert(row["row id"]).inserted else { continue }
      let columns = known.filter(row.hasColumn)
      let marks = columns.map { _ in "?" }.joined(separator: ", ")
      do {
        // A row that doesn't fit undoes nothing but itself.
        try target.execute(
          sql: "INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(marks))",
          arguments: StatementArguments(columns.map { row[$0] as DatabaseValue }))
      } catch {
        taken.refused += 1
      }
    }
  }
}
