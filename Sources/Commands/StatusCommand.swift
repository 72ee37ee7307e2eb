import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool status`
struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Shows the host at one look: problems, pools, PFs, leases.",
    discussion: """
      A pool's bar has a sign for each VF, or for several where there are many: # leased, . free, ! quarantined, = reserved, \
      h used by the host, x gone.
      """)

  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let report = try connection.client.status()
    json.print(report) { report.text(Console.current) }
  }
}

extension StatusReport {
  /// The report for people: problems first.
  func text(_ console: Console) -> String {
    let style = console.style
    var text = "vfpoold \(printable(version)), "
    text += libvirtConnected ? "connected to libvirt\n" : style.paint("not connected to libvirt", .red) + "\n"
    if problems.isEmpty {
      text += style.paint("no problems", .green) + "\n"
    } else {
      text += "\n" + style.paint("PROBLEMS", .red) + "\n"
      for problem in problems {
        let lines = problem.split(separator: "\n").map { printable(String($0)) }
        text += "  \(style.paint("!", .red)) \(lines.joined(separator: "\n    "))\n"
      }
    }
    text += "\n"
    text += pools.isEmpty ? "no pools\n" : Table(pools, PoolRow.statusColumns(pools)).text(style)
    text += "\n"
    text += pfs.isEmpty ? "no PFs\n" : Table(pfs, PFRow.columns).text(style)
    text += "\n"
    let now = console.now()
    let columns: [Column<LeaseRow>] = [
      Column("GUEST") { Cell($0.guest) },
      Column("POOL") { Cell($0.pool) },
      Column("VF") { Cell($0.vfName) },
      Column("MAC") { Cell($0.mac) },
      Column("STATE", optional: true) { Cell($0.state, $0.state == "active" ? .boldBlue : .yellow) },
      Column("AGE", .right) { Cell(age(since: $0.since, now: now)) },
    ]
    text += leases.isEmpty ? "no leases\n" : Table(leases, columns).text(style)
    return text
  }
}

extension PoolRow {
  /// A column for each sign that is in the bars.
  fileprivate static func statusColumns(_ pools: [PoolRow]) -> [Column<PoolRow>] {
    let rare = [(reservedColumn, \PoolRow.reserved), (hostColumn, \.hostUsed), (goneColumn, \.gone)]
    return [
      Column("POOL") { Cell($0.name) },
      activityColumn,
      Column("MODE", optional: true) { Cell($0.mode.rawValue) },
      Column("VFS") { Cell(UsageBar($0), places: 16) },
      leasedColumn, freeColumn, quarantinedColumn,
    ] + rare.filter { _, count in pools.contains { $0[keyPath: count] > 0 } }.map(\.0)
  }
}
