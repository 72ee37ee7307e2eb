import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool fleet status`
struct FleetStatus: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "The fleet at one look: problems, pools over all hosts, netdefs, etcd.",
    discussion: "Exit code 1 when this host isn't in the fleet now.")

  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let client = connection.client
    let status = try withProgress("asking the fleet") { () throws(ControlClientError) in try client.fleetStatus() }
    json.print(status) { status.text(Console.current.style) }
    if !status.connected { throw CommandError(.failed) }
  }
}

extension FleetStatusReport {
  func text(_ style: Style) -> String {
    var lines = [head(style)]
    if pending > 0 { lines.append("\(pending) of this host's records are still to be written") }
    lines += conflicts.map { row in
      let winner =
        row.winner.map { " is bound to guest \($0) on \(row.winnerHost ?? "?"), which had it first" }
        ?? " is bound anew"
      return style.paint("MAC \(row.mac) of guest \(printable(row.guest)) on \(row.host)\(printable(winner))", .red)
    }
    lines += clashes.map { row in
      style.paint(
        "MAC \(row.mac) is live on \(row.host) and on \(row.otherHost), there with guest \(printable(row.otherGuest))",
        .red)
    }
    for netdef in netdefs {
      lines += netdef.failures.map {
        style.paint("netdef \(netdef.pool) is not applied on \($0.host): \(printable($0.why))", .red)
      }
    }
    lines += members.compactMap { row in
      row.problem.map { style.paint("etcd \(row.endpoint): \(printable($0))", .red) }
    }
    var parts = [lines.map { $0 + "\n" }.joined()]
    if !pools.isEmpty { parts.append(Table(pools, FleetPoolRow.columns).text(style)) }
    if !netdefs.isEmpty { parts.append(Table(netdefs, FleetNetdefRow.columns).text(style)) }
    if !members.isEmpty { parts.append(Table(members, FleetMemberRow.columns).text(style)) }
    return parts.joined(separator: "\n")
  }

  private func head(_ style: Style) -> String {
    guard connected else {
      let reason = printable(why ?? "not known why")
      return style.paint("\(host) is not in the fleet since \(since.inSeconds): \(reason)", .red)
    }
    let up = hosts.count == 1 ? "1 host is" : "\(hosts.count) hosts are"
    return "\(up) in the fleet; this is \(host), in it since \(since.inSeconds)"
      + (why.map { "\n" + style.paint(printable($0), .red) } ?? "")
  }
}

extension FleetPoolRow {
  static let columns: [Column<FleetPoolRow>] = [
    Column("POOL") { Cell($0.pool) },
    Column("HOSTS", .right) { Cell($0.hosts) },
    Column("VFS", .right) { Cell($0.total) },
    Column("LEASED", .right) { Cell($0.leased, $0.leased > 0 ? .boldBlue : nil) },
    Column("FREE", .right) { Cell($0.free, $0.free > 0 ? .green : nil) },
    Column("OTHERS", .right) { Cell($0.others, $0.others > 0 ? .yellow : nil) },
  ]
}

extension FleetNetdefRow {
  static let columns: [Column<FleetNetdefRow>] = [
    Column("NETDEF") { Cell($0.pool) },
    Column("FROM") { Cell($0.by) },
    Column("AT") { Cell($0.at.inSeconds) },
    Column("APPLIED", .right) { Cell($0.applied, .green) },
    Column("FAILED", .right) { Cell($0.failures.count, $0.failures.isEmpty ? nil : .red) },
    Column("MISSING", .right) { Cell($0.missing.count, $0.missing.isEmpty ? nil : .yellow) },
  ]
}

extension FleetMemberRow {
  static let columns: [Column<FleetMemberRow>] = [
    Column("ETCD") { Cell($0.endpoint) },
    Column("VERSION") { Cell($0.version) },
    Column("ROLE") {
      Cell($0.problem != nil ? "away" : $0.leader ? "leader" : "follower", $0.problem != nil ? .red : nil)
    },
    Column("DATABASE", .right) { Cell($0.bytes.map { "\($0 / 1024) KiB" }) },
  ]
}
