import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool fleet apply FILE…`
struct FleetApply: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Makes or changes pools on all hosts of the fleet.",
    discussion: """
      Each host plans first. When one of them can't do it, or a guest would lose its VF, nothing is done anywhere, unless \
      --skip leaves that host out. Then each host does exactly what it planned, one file after the other; the first that \
      fails ends it. Hosts that are off, or join later, get the pools when they are in the fleet, until “vfpool fleet forget”.

      Where cards have other names, select PFs by pci, mac, match or driver instead of dev (man 5 vfpool-netdef).
      """)

  @Argument(
    help: .init("Netdef files; - is standard input.", valueName: "file"), completion: .file(extensions: ["xml"]))
  var files: [String]
  @Flag(name: .customLong("plan"), help: "Only say what each host would do; exit code 3 when there is something to do.")
  var isPlan = false
  @Option(help: .init("Only these hosts, also later; may be given several times.", valueName: "host"))
  var host: [String] = []
  @Option(help: .init("Not this host; may be given several times.", valueName: "host")) var skip: [String] = []
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if files.filter({ $0 == "-" }).count > 1 { throw ValidationError("standard input (-) can be read only once") }
    if !host.isEmpty, !skip.isEmpty { throw ValidationError("--host and --skip exclude each other") }
  }

  func run() throws {
    let netdefs = try files.map { name throws(CommandError) in
      String(decoding: try InputFile(name).bytes(), as: UTF8.self)
    }
    let client = connection.client
    let hosts = host.isEmpty ? nil : host
    let except = skip.isEmpty ? nil : skip
    let plan = try withProgress("waiting for the hosts' plans") { () throws(ControlClientError) in
      try client.fleetPlan(FleetApplication(netdefs: netdefs, hosts: hosts, except: except))
    }
    if isPlan || plan.obstacle != nil {
      json.print(plan) { plan.text(Console.current.style) }
      if let obstacle = plan.obstacle { throw CommandError(.failed, "nothing is done: \(obstacle)") }
      if plan.hasSteps { throw CommandError(.planHasChanges) }
      return
    }
    var done: [FleetPlanReport] = []
    for (place, netdef) in netdefs.enumerated() {
      // What the one before has changed belongs to the plan.
      var own = plan
      if netdefs.count > 1 {
        own = try client.fleetPlan(FleetApplication(netdefs: [netdef], hosts: hosts, except: except))
        if let obstacle = own.obstacle {
          throw CommandError(.failed, "\(files[place]) and what follows it is not applied: \(obstacle)")
        }
      }
      let tokens = Dictionary(uniqueKeysWithValues: own.hosts.map { ($0.host, $0.plans.map(\.token)) })
      let (file, count) = (files[place], own.hosts.count)
      let wanted = FleetApplication(netdefs: [netdef], hosts: hosts, except: except, tokens: tokens)
      let report = try withProgress("applying \(file) on \(count) hosts") {
        () throws(ControlClientError) in try client.fleetApply(wanted)
      }
      done.append(report)
      if !json.isOn { Console.current.write(report.doneText(files[place], Console.current.style)) }
      let failed = report.hosts.filter { $0.failure != nil }.map(\.host)
      if !failed.isEmpty {
        if json.isOn { json.print(done) { "" } }
        throw CommandError(
          .failed,
          "\(failed.count) of \(report.hosts.count) hosts have not applied \(files[place]): \(failed.joined(separator: ", "))"
        )
      }
    }
    if json.isOn { json.print(done) { "" } }
  }
}

extension FleetPlanReport {
  /// Why nothing may be done, in words; nil = it may.
  var obstacle: String? {
    let failing = hosts.filter { $0.failure != nil }.map(\.host)
    if !failing.isEmpty { return "it can't be done on \(failing.joined(separator: ", ")); --skip leaves a host out" }
    let losing = hosts.filter { $0.plans.contains { !$0.disruptedGuests.isEmpty } }.map(\.host)
    return losing.isEmpty ? nil : "guests would lose their VF on \(losing.joined(separator: ", "))"
  }

  /// Hosts that would do the same stand together.
  func text(_ style: Style) -> String {
    var groups: [(text: String, hosts: [String])] = []
    for row in hosts {
      let text = row.text(style)
      if let place = groups.firstIndex(where: { $0.text == text }) {
        groups[place].hosts.append(row.host)
      } else {
        groups.append((text, [row.host]))
      }
    }
    return groups.map { "\($0.hosts.map(printable).joined(separator: ", "))\n\($0.text)" }.joined(separator: "\n")
  }

  var hasSteps: Bool { hosts.contains { $0.plans.contains { !$0.steps.isEmpty } } }

  func doneText(_ file: String, _ style: Style) -> String {
    hosts.map { row in
      row.failure.map { "\(file): \(row.host): " + style.paint(printable($0), .red) }
        ?? "\(file): applied on \(row.host)"
    }.map { $0 + "\n" }.joined()
  }
}

extension FleetPlanReport.Host {
  fileprivate func text(_ style: Style) -> String {
    var lines: [String] = []
    for plan in plans {
      if plan.steps.isEmpty { lines.append("nothing to do") }
      lines += plan.steps.map { "\(style.paint("+", .green)) \(printable($0))" }
      lines += plan.changes.map { "\(style.paint("=", $0.isBlocked ? .red : .yellow)) \(printable("\($0)"))" }
      if !plan.disruptedGuests.isEmpty {
        lines.append(
          style.paint(
            "guests that would lose their VF: \(plan.disruptedGuests.map(printable).joined(separator: ", "))", .red))
      }
      lines += plan.notes.map { "note: \(printable($0))" }
    }
    if let failure { lines.append(style.paint(printable(failure), .red)) }
    return lines.flatMap { $0.split(separator: "\n") }.map { "  \($0)\n" }.joined()
  }
}
