import GRDB
import PoolModel

extension OwnVFCount {
  static let table = TableWriter("vfCount", key: ["pf"], others: ["mac", "name", "count"])

  /// In the order of the columns.
  var values: [(any DatabaseValueConvertible)?] { [pci.description, mac?.description, name, count] }

  init(_ row: TypedRow) throws {
    self.init(
      pci: try row.value("pf"), mac: try row.optionalValue("mac"), name: try row.text("name"),
      count: try row.number("count"))
  }
}
