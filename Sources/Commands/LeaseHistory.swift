import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool lease history`
struct LeaseHistory: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history", abstract: "Lists leases that are over, the newest first.",
    discussion: """
      With --at: the leases, over by now, that were open at that moment. With --mac, too: who had that MAC then.

        vfpool lease history --mac 52:54:00:12:34:56 --at 2026-11-24T14:51:53Z
      """)

  @Option(help: "Only this MAC's.") var mac: MACAddress?
  @Option(help: .init("Only this guest's: its name or UUID.", valueName: "G")) var guest: String?
  @Option(help: "Only this VF's: PF/INDEX or its PCI address.", completion: .vfs) var vf: String?
  @Option(help: .init("Only this pool's.", valueName: "P"), completion: .pools) var pool: String?
  @Option(help: .init("Only those open at this moment (UTC): 2026-11-24T14:51:53Z.", valueName: "time"))
  var at: Timestamp?
  @OptionGroup var limit: LimitOption
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let client = connection.client
    // The history goes by PCI address: a VF's place may have had another one then.
    let pci = try vf.map { vf in try PCIAddress(vf) ?? client.address(of: vf) }
    let filter = HistoryFilter(mac: mac, guest: guest, vf: pci, pool: pool, at: at, limit: limit.count)
    json.print(try client.history(filter), LeaseRow.historyColumns, none: "the history has no such lease")
  }
}

extension ControlClient {
  /// The PCI address of `enp1s0/3`.
  fileprivate func address(of vf: String) throws -> PCIAddress {
    guard let pci = try self.vf(named: vf).pci else {
      throw CommandError(.notFound, "VF \(vf) has no PCI address: the history can't be asked for it")
    }
    return pci
  }
}

extension LeaseRow {
  static let historyColumns: [Column<LeaseRow>] = [
    Column("ID", .right, optional: true) { Cell($0.id) },
    Column("GUEST") { Cell($0.guest) },
    Column("POOL") { Cell($0.pool) },
    Column("VF") { Cell($0.vfName) },
    Column("MAC") { Cell($0.mac) },
    Column("SINCE") { Cell($0.since.inSeconds) },
    Column("UNTIL") { Cell($0.until?.inSeconds) },
    Column("OUTCOME", optional: true) { Cell($0.outcome?.rawValue, $0.outcome == .failed ? .yellow : nil) },
    Column("REASON", optional: true) { Cell($0.reason) },
  ]
}
