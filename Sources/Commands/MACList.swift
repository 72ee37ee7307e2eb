import ArgumentParser
import ControlAPI

/// `vfpool mac list`
struct MACList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists every MAC that a guest's NIC has or had.")

  @Option(help: .init("Only this guest's: its name or UUID.", valueName: "G")) var guest: String?
  @Option(help: .init("Only this pool's.", valueName: "P"), completion: .pools) var pool: String?
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let macs = try connection.client.macs().filter { row in
      (pool == nil || row.pool == pool) && (guest == nil || row.guest == guest || row.guestUUID == guest)
    }
    json.print(macs, MACRow.columns, none: "no MAC is bound\(pool == nil && guest == nil ? " yet" : " here")")
  }
}

extension MACRow {
  static let columns: [Column<MACRow>] = [
    Column("MAC") { Cell($0.mac) },
    Column("GUEST") { Cell($0.guest) },
    Column("NIC", .right) { Cell($0.nic) },
    Column("POOL") { Cell($0.pool) },
    Column("LAST VF") { Cell($0.lastPci) },
    Column("LAST SEEN", optional: true) { Cell($0.lastSeen?.inSeconds) },
  ]
}
