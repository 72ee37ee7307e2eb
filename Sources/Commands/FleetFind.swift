import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool fleet find`
struct FleetFind: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "find", abstract: "Says on which host a MAC, a guest or a pool is.",
    discussion: """
        vfpool fleet find --mac 52:54:00:12:34:56    who has it, and where
        vfpool fleet find --guest web                its MACs, and the host that it was on last
        vfpool fleet find --pool tenant-a            the hosts that have the pool

      Exit code 1 when nothing is found.
      """)

  @Option(help: "The MAC.") var mac: MACAddress?
  @Option(help: .init("The guest: its name or UUID.", valueName: "G")) var guest: String?
  @Option(help: .init("The pool.", valueName: "P"), completion: .pools) var pool: String?
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    let given = [mac != nil, guest != nil, pool != nil].count { $0 }
    if given != 1 { throw ValidationError("give one of --mac, --guest and --pool") }
  }

  func run() throws {
    let client = connection.client
    if let pool {
      return json.print(
        try client.fleetPlace(pool: pool, count: 1), FleetPlaceRow.columns, none: "no host has a pool \(pool)")
    }
    let (rows, what) =
      if let mac { (try client.fleetFind(mac: mac), "MAC \(mac)") } else {
        (try client.fleetFind(guest: guest ?? ""), "guest \(guest ?? "")")
      }
    if rows.isEmpty, !json.isOn { throw CommandError(.notFound, "no host of the fleet knows \(what)") }
    json.print(rows, FleetFoundRow.columns, none: "")
    if rows.isEmpty { throw CommandError(.failed) }
  }
}

extension FleetFoundRow {
  static let columns: [Column<FleetFoundRow>] = [
    Column("MAC") { Cell($0.mac) },
    Column("GUEST") { Cell($0.guest) },
    Column("HOST") { Cell($0.host) },
    Column("RUNS") { Cell($0.live ? "yes" : "no", $0.live ? .green : nil) },
    Column("POOL") { Cell($0.pool) },
    Column("BOUND", optional: true) { Cell($0.bound ? "yes" : "no", $0.bound ? nil : .yellow) },
    Column("UUID", optional: true) { Cell($0.guestUUID) },
  ]
}
