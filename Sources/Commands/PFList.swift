import ArgumentParser
import ControlAPI

/// `vfpool pf list`
struct PFList: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists every PF of the host.")

  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions
  @Flag(help: .hidden) var names = false

  func run() throws {
    let pfs = try connection.client.pfs()
    guard !names else { return Console.current.write(pfs.map { $0.name + "\n" }.joined()) }
    json.print(pfs, PFRow.columns, none: "this host has no PF: no network card offers VFs")
  }
}

extension PFRow {
  static let columns: [Column<PFRow>] = [
    Column("PF") { Cell($0.name) },
    Column("PCI") { Cell($0.pci) },
    Column("DRIVER", optional: true) { Cell($0.driver) },
    Column("NUMA", .right, optional: true) { Cell($0.numaNode) },
    Column("LINK") { pf in
      switch pf.carrier {
      case true: Cell("up", .green)
      case false: Cell("no carrier", .red)
      case nil: Cell("down", .yellow)
      }
    },
    Column("VFS", .right) { Cell("\($0.numVFs)/\($0.totalVFs)") },
    Column("LEASED", .right) { Cell($0.leased, $0.leased > 0 ? .boldBlue : nil) },
    Column("FREE", .right) { Cell($0.free, $0.free > 0 ? .green : nil) },
  ]
}
