import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool audit list`
struct AuditList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the changes that were asked for, the newest first.",
    discussion: """
      Each change is recorded before it is done, with the user and the process that asked. One without an outcome goes \
      on, or vfpoold ended meanwhile. The journal has the same (journalctl -u vfpoold). What libvirt's hooks do by \
      themselves is in “vfpool lease history”.

        vfpool audit list --since 2026-11-24 --user alice
      """)

  @Option(help: .init("Only those since this time (UTC).", valueName: "time")) var since: Timestamp?
  @Option(help: .init("Only this user's: a name or a number.", valueName: "user")) var user: String?
  @OptionGroup var limit: LimitOption
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let rows = try connection.client.audits(since: since, user: user, limit: limit.count)
    json.print(rows, AuditRow.columns, none: "the audit has no such change")
  }
}

extension AuditRow {
  static let columns: [Column<AuditRow>] = [
    Column("TIME") { Cell($0.time.inSeconds) },
    Column("USER") { Cell($0.user ?? $0.uid.map { "\($0)" }) },
    Column("PID", .right, optional: true) { Cell($0.pid) },
    Column("CHANGE") { Cell($0.operation) },
    Column("OF") { Cell($0.object) },
    Column("OUTCOME") { row in
      Cell(row.outcome ?? "no end", row.outcome == "done" ? nil : .yellow)
    },
  ]
}
