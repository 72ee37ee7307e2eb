import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool fleet place`
struct FleetPlace: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "place", abstract: "Says which hosts have room in a pool, the best first.",
    discussion: """
      The best host of a pool that spreads is the one with the most free VFs, of one that packs the one with the fewest \
      that suffice. Nothing is reserved: between the answer and the start others may start.

        virsh -c qemu+ssh://$(vfpool fleet place --pool tenant-a --first)/system start web

      Exit code 1 when no host has room.
      """)

  @Option(help: .init("The pool.", valueName: "P"), completion: .pools) var pool: String
  @Option(help: .init("How many free VFs are needed.", valueName: "N")) var count = 1
  @Flag(help: "Print only the name of the best host.") var first = false
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if !(1...65_535).contains(count) { throw ValidationError("--count is from 1 to 65535") }
    if first, json.isOn { throw ValidationError("--first and --json exclude each other") }
  }

  func run() throws {
    let rows = try connection.client.fleetPlace(pool: pool, count: count)
    let best = rows.first { $0.rank == 1 }
    if first {
      if let best { Console.current.write(best.host + "\n") }
    } else {
      json.print(rows, FleetPlaceRow.columns, none: "")
    }
    if best == nil {
      throw CommandError(.failed, "no host has \(count) free \(count == 1 ? "VF" : "VFs") in pool \(pool)")
    }
  }
}

extension FleetPlaceRow {
  static let columns: [Column<FleetPlaceRow>] = [
    Column("RANK", .right) { Cell($0.rank, $0.rank == 1 ? .green : nil) },
    Column("HOST") { Cell($0.host) },
    Column("VFS", .right) { Cell($0.total) },
    Column("LEASED", .right) { Cell($0.leased) },
    Column("FREE", .right) { Cell($0.free, $0.free > 0 ? .green : nil) },
    Column("POLICY", optional: true) { Cell($0.policy.rawValue) },
    Column("WHY NOT") { Cell($0.why) },
  ]
}
