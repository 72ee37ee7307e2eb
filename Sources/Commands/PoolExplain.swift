import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool pool explain P --guest G`
struct PoolExplain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Shows which VFs of a pool a guest would get if it were started now, and why.",
    discussion: """
      Nothing is changed. The VFs stand in the order in which a start would take them: reserved for the guest, on a PF \
      with carrier, near the guest's NUMA nodes, had last, then the pool's policy, as far as the pool minds these. Those \
      that can't be had come last, with the reason. A guest that runs is looked at as if it had stopped.
      """)

  @Argument(help: "The pool.", completion: .pools) var pool: String
  @Option(help: .init("The guest: its name or UUID.", valueName: "G"), completion: .guests) var guest: String
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let report = try connection.client.explain(pool: pool, guest: guest)
    json.print(report) { report.text(Console.current.style) }
  }
}

extension PlacementReport {
  /// The ranking for people.
  func text(_ style: Style) -> String {
    var fields = FieldList()
    fields.add("pool", pool)
    fields.add("guest", "\(guest), \(nics) \(nics == 1 ? "NIC" : "NICs") of this pool")
    fields.add("placement", placement.words)
    if placement.numa != .ignore {
      fields.add("NUMA nodes", numaNodes.isEmpty ? "the guest doesn't say" : Set(numaNodes).list)
    }
    if let refusal {
      fields.add("a start", "is refused", .red)
      let lines = refusal.split(separator: "\n").map { printable(String($0)) + "\n" }.joined()
      return fields.text(style) + "\n" + lines + table(style)
    }
    let picks = vfs.filter { $0.nic != nil }.map(\.name).joined(separator: ", ")
    fields.add("a start", "gets \(picks)", .green)
    let held = vfs.filter(\.held).map(\.name)
    if !held.isEmpty { fields.add("held meanwhile", held.joined(separator: ", ")) }
    return fields.text(style) + table(style)
  }

  private func table(_ style: Style) -> String {
    vfs.isEmpty ? "" : "\n" + Table(vfs, PlacementRow.columns).text(style)
  }
}

extension PlacementRow {
  static let columns: [Column<PlacementRow>] = [
    Column("RANK", .right) { Cell($0.rank) },
    Column("VF") { Cell($0.name, $0.nic == nil ? nil : .green) },
    Column("PCI", optional: true) { Cell($0.pci) },
    Column("NIC", .right) { Cell($0.nic) },
    Column("WHY") { Cell($0.why, $0.kind == nil ? nil : .yellow) },
  ]

  /// `enp1s0/3`, or the address of a VF whose place isn't known.
  fileprivate var name: String { VFIndex(pf: pf, index: index)?.description ?? "\(pci)" }
}
