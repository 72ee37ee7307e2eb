import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool lease list`
struct LeaseList: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists the leases that are open now.")

  @Option(help: .init("Only this pool's.", valueName: "P"), completion: .pools) var pool: String?
  @Option(help: .init("Only this guest's: its name or UUID.", valueName: "G")) var guest: String?
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let leases = try connection.client.leases().filter { lease in
      (pool == nil || lease.pool == pool) && (guest == nil || lease.guest == guest || lease.guestUUID == guest)
    }
    json.print(leases, LeaseRow.columns, none: "no guest has a VF\(pool == nil && guest == nil ? "" : " here")")
  }
}

extension LeaseRow {
  static let columns: [Column<LeaseRow>] = [
    Column("ID", .right, optional: true) { Cell($0.id) },
    Column("GUEST") { Cell($0.guest) },
    Column("POOL") { Cell($0.pool) },
    Column("VF") { Cell($0.vfName) },
    Column("PCI", optional: true) { Cell($0.pci) },
    Column("MAC") { Cell($0.mac) },
    Column("STATE") { Cell($0.state, $0.state == LeaseState.active.rawValue ? .boldBlue : .yellow) },
    Column("SINCE") { Cell($0.since.inSeconds) },
  ]

  /// `enp1s0/3`, or the address of a VF whose place isn't known; nil while libvirt is left to pick.
  var vfName: String? { VFIndex(pf: pf, index: index)?.description ?? pci?.description }
}
