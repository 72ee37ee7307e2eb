import Foundation
import GRDB
import PoolModel

/// A row whose values are checked as they are read.
struct TypedRow {
  let row: Row
  let table: String

  /// What a row holds that can't be read.
  struct Malformed: Error { let detail: String }

  func text(_ column: String) throws -> String { try present(column, row[column]) }
  func optionalText(_ column: String) -> String? { row[column] }
  func time(_ column: String) throws -> Timestamp { Timestamp(milliseconds: try present(column, row[column])) }

  /// Text in the form that `Value` writes itself.
  func value<Value: LosslessStringConvertible>(_ column: String) throws -> Value {
    try present(column, try optionalValue(column))
  }

  func optionalValue<Value: LosslessStringConvertible>(_ column: String) throws -> Value? {
    try (row[column] as String?).map { text in
      guard let value = Value(text) else { throw malformed(column, text) }
      return value
    }
  }

  /// One of an enumeration's words.
  func word<Word: RawRepresentable<String>>(_ column: String) throws -> Word {
    try present(column, try optionalWord(column))
  }

  func optionalWord<Word: RawRepresentable<String>>(_ column: String) throws -> Word? {
    try (row[column] as String?).map { text in
      guard let word = Word(rawValue: text) else { throw malformed(column, text) }
      return word
    }
  }

  func number<Number: FixedWidthInteger>(_ column: String) throws -> Number {
    try present(column, try optionalNumber(column))
  }

  func optionalNumber<Number: FixedWidthInteger>(_ column: String) throws -> Number? {
    try (row[column] as Int64?).map { wide in
      guard let number = Number(exactly: wide) else { throw malformed(column, String(wide)) }
      return number
    }
  }

  func optionalFlag(_ column: String) -> Bool? { (row[column] as Int64?).map { $0 != 0 } }

  /// A value that is kept whole, as JSON.
  func json<Value: Decodable>(_ column: String) throws -> Value { try present(column, try optionalJSON(column)) }

  func optionalJSON<Value: Decodable>(_ column: String) throws -> Value? {
    try (row[column] as String?).map { text in
      do {
        return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
      } catch {
        throw Malformed(detail: "column \(column) of table \(table): \(error)")
      }
    }
  }

  static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  func malformed(_ column: String, _ text: String) -> Malformed {
    Malformed(detail: "“\(text)” in column \(column) of table \(table)")
  }

  private func present<Value>(_ column: String, _ value: Value?) throws -> Value {
    guard let value else { throw Malformed(detail: "nothing in column \(column) of table \(table)") }
    return value
  }
}

extension Database {
  /// Every row that `sql` selects; the statement is prepared once for the connection.
  func rows<Value>(
    of table: String, _ sql: String, arguments: StatementArguments = [], read: (TypedRow) throws -> Value
  ) throws -> [Value] {
    let cursor = try Row.fetchCursor(try cachedStatement(sql: sql), arguments: arguments)
    var values: [Value] = []
    while let row = try cursor.next() { values.append(try read(TypedRow(row: row, table: table))) }
    return values
  }
}
