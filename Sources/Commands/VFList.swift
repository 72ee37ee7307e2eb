import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool vf list`
struct VFList: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists VFs and who holds them.")

  @Option(help: .init("Only the VFs of this PF.", valueName: "PF"), completion: .pfs) var pf: String?
  @Flag(help: "Also what each VF has sent and received: some cards are slow to tell.") var counters = false
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions
  @Flag(help: .hidden) var names = false

  func run() throws {
    if json.isOn {
      return try VFListing(pf: pf, counters: counters, client: connection.client).run()
    }
    let vfs = try connection.client.vfs(pf: pf, counters: counters)
    guard !names else { return Console.current.write(vfs.map { $0.name + "\n" }.joined()) }
    json.print(
      vfs, VFRow.columns + (counters ? VFRow.counterColumns : []),
      none: pf.map { "PF \($0) has no VFs" } ?? "this host has no VFs")
    try Self.complain(vfs)
  }

  /// A list that lacks something is no success, although all that could be read was shown.
  static func complain(_ vfs: [VFRow]) throws {
    let byPF = Dictionary(grouping: vfs.filter { $0.state != .gone }, by: \.pf).sorted { $0.key < $1.key }
    let texts = byPF.compactMap { pf, vfs in
      let readable = vfs.count(where: \.isComplete)
      return readable == vfs.count ? nil : "\(pf): the kernel's answer holds \(readable) of \(vfs.count) VFs"
    }
    if !texts.isEmpty { throw CommandError(.failed, texts.joined(separator: "\n")) }
  }
}

extension VFIndex {
  /// Nil unless both are known.
  init?(pf: String?, index: Int?) {
    guard let pf, let index else { return nil }
    self.init(pf: pf, index: index)
  }
}

extension VFRow {
  /// `enp1s0/3`
  var name: String { VFIndex(pf: pf, index: index).description }

  static let columns: [Column<VFRow>] = [
    Column("VF") { Cell($0.name) },
    Column("PCI") { Cell($0.pci) },
    Column("STATE") { Cell($0.state.rawValue, $0.state.paint) },
    Column("POOL") { Cell($0.pool) },
    Column("GUEST") { Cell($0.guest) },
    Column("MAC") { Cell($0.leaseMac ?? $0.mac) },
    Column("VLAN", .right) { Cell($0.vlan) },
    Column("TRUST", optional: true) { Cell(isOn: $0.trust) },
    Column("SPOOFCHK", optional: true) { Cell(isOn: $0.spoofchk) },
    Column("LINK", optional: true) { Cell($0.linkState?.rawValue) },
    Column("MBIT/S", .right, optional: true) { Cell($0.rates) },
    Column("DRIVER", optional: true) { Cell($0.driver) },
  ]

  static let counterColumns: [Column<VFRow>] = [
    Column("RX PACKETS", .right) { Cell($0.counters?.rxPackets) },
    Column("RX BYTES", .right) { Cell($0.counters?.rxBytes) },
    Column("RX DROPPED", .right) { Cell($0.counters?.rxDropped) },
    Column("TX PACKETS", .right) { Cell($0.counters?.txPackets) },
    Column("TX BYTES", .right) { Cell($0.counters?.txBytes) },
    Column("TX DROPPED", .right) { Cell($0.counters?.txDropped) },
  ]

  /// `100-1000`: minimum and maximum, `*` = unlimited, `?` = not reported; nil when it reports neither.
  private var rates: String? {
    guard minTxRate != nil || maxTxRate != nil else { return nil }
    return "\(minTxRate.map(String.init) ?? "?")-\(maxTxRate.map { $0 == 0 ? "*" : "\($0)" } ?? "?")"
  }
}

extension VFCondition {
  var paint: Paint? {
    switch self {
    case .free: .green
    case .leased: .boldBlue
    case .reserved: .yellow
    case .quarantined, .gone: .red
    case .hostUsed: .magenta
    case .unpooled: nil
    }
  }
}
