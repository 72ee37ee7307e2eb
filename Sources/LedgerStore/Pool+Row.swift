import Foundation
import GRDB
import PoolModel

extension Pool {
  static let table = TableWriter("pool", key: ["name"], others: ["uuid", "mode", "details", "netdef"])

  /// In the order of the columns; `details` is the whole pool as JSON.
  func values(netdef: String) throws -> [(any DatabaseValueConvertible)?] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return [name, uuid, mode.rawValue, String(decoding: try encoder.encode(self), as: UTF8.self), netdef]
  }

  init(_ row: TypedRow) throws {
    let details = try row.text("details")
    do {
      self = try JSONDecoder().decode(Pool.self, from: Data(details.utf8))
    } catch {
      throw TypedRow.Malformed(detail: "details of pool \(try row.text("name")): \(error)")
    }
  }
}
