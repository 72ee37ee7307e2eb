import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool fleet hosts`
struct FleetHosts: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hosts", abstract: "Lists the hosts that are up, and how full they are.")

  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions
  @Flag(help: .hidden) var names = false

  func run() throws {
    let hosts = try connection.client.fleetHosts()
    guard !names else { return Console.current.write(hosts.map { $0.host + "\n" }.joined()) }
    json.print(hosts, FleetHostRow.columns, none: "no host is up in the fleet")
  }
}

extension FleetHostRow {
  static let columns: [Column<FleetHostRow>] = [
    Column("HOST") { Cell($0.host) },
    Column("VFS", .right) { Cell($0.vfs) },
    Column("LEASED", .right) { Cell($0.leased, $0.leased > 0 ? .boldBlue : nil) },
    Column("FREE", .right) { Cell($0.free, $0.free > 0 ? .green : nil) },
    Column("POOLS") { Cell($0.pools.joined(separator: ", ")) },
    Column("SINCE", optional: true) { Cell($0.since.inSeconds) },
    Column("VERSION", optional: true) { Cell($0.version) },
  ]
}
