import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool pool list`
struct PoolList: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists pools and how full they are.")

  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions
  @Flag(help: .hidden) var names = false

  func run() throws {
    let pools = try connection.client.pools()
    guard !names else { return Console.current.write(pools.map { $0.name + "\n" }.joined()) }
    json.print(pools, PoolRow.columns, none: "there are no pools; make one with: vfpool pool apply FILE")
  }
}

extension PoolRow {
  static let columns: [Column<PoolRow>] = [
    Column("POOL") { Cell($0.name) },
    activityColumn,
    Column("AUTOSTART", optional: true) { Cell($0.autostart ? "yes" : "no") },
    Column("MODE") { Cell($0.mode.rawValue) },
    Column("POLICY", optional: true) { Cell($0.policy.rawValue) },
    Column("TOTAL", .right) { Cell($0.total) },
    freeColumn, leasedColumn,
    reservedColumn, hostColumn, quarantinedColumn, goneColumn,
  ]

  static var activityColumn: Column<PoolRow> {
    Column("STATE") { $0.active ? Cell("active", .green) : Cell("inactive", .yellow) }
  }
  static var freeColumn: Column<PoolRow> { Column("FREE", .right) { Cell($0.free, $0.free > 0 ? .green : nil) } }
  static var leasedColumn: Column<PoolRow> {
    Column("LEASED", .right) { Cell($0.leased, $0.leased > 0 ? .boldBlue : nil) }
  }
  static var reservedColumn: Column<PoolRow> {
    Column("RESERVED", .right) { Cell($0.reserved, $0.reserved > 0 ? .yellow : nil) }
  }
  static var hostColumn: Column<PoolRow> {
    Column("HOST", .right, optional: true) { Cell($0.hostUsed, $0.hostUsed > 0 ? .yellow : nil) }
  }
  static var goneColumn: Column<PoolRow> {
    Column("GONE", .right, optional: true) { Cell($0.gone, $0.gone > 0 ? .red : nil) }
  }
  static var quarantinedColumn: Column<PoolRow> {
    Column("QUARANTINED", .right) { Cell($0.quarantined, $0.quarantined > 0 ? .red : nil) }
  }
}
