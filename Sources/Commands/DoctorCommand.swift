import ArgumentParser
import ControlAPI
import Doctor
import Glibc

/// `vfpool doctor`
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Examines the host: firmware, kernel, cards, VFs, bridges, libvirt, ledger, pools; prints what to type.",
    discussion: """
      It changes nothing, and works without vfpoold and without root; what it could not see then is “unknown”.

      Exit codes: 0 all is well or unknown, 1 there is a fault, 5 there are warnings but no fault.
      """)

  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions
  @Option(help: .init("The host's files.", valueName: "folder", visibility: .hidden)) var root = "/"

  func run() throws {
    let isRoot = geteuid() == 0
    let daemon = DaemonChecks(connection.client).checks()
    let report = DoctorReport(
      isRoot: isRoot, daemon: daemon, host: Examination(root: root, isRoot: isRoot).checks())
    json.print(report) { report.text(Console.current.style) }
    switch report.verdict {
    case .ok, .unknown: break
    case .warning: throw CommandError(.warningsFound)
    case .fault: throw CommandError(.faultsFound)
    }
  }
}

/// What `vfpool doctor --json` prints.
struct DoctorReport: Encodable, Hashable {
  /// vfpool's version.
  var version = Version.current
  /// The worst of all checks.
  var verdict: Verdict
  /// Whether it was run as root, who sees everything.
  var isRoot: Bool
  /// Ordered by group.
  var checks: [Check]

  init(isRoot: Bool, checks: [Check]) {
    verdict = checks.map(\.verdict).max() ?? .ok
    self.isRoot = isRoot
    self.checks = checks
  }

  /// What vfpoold tells takes the place of what the host's files tell of the same.
  init(isRoot: Bool, daemon: [Check], host: [Check]) {
    let known = Set(daemon.map(\.name))
    let places = Dictionary(uniqueKeysWithValues: CheckName.allCases.enumerated().map { ($0.element, $0.offset) })
    let checks = daemon + host.filter { !known.contains($0.name) }
    self.init(isRoot: isRoot, checks: checks.sorted { places[$0.name, default: 0] < places[$1.name, default: 0] })
  }

  /// The report for people.
  func text(_ style: Style) -> String {
    let width = checks.map(\.name.rawValue.count).max() ?? 0
    var text = ""
    for group in CheckGroup.allCases {
      let own = checks.filter { $0.group == group }
      if own.isEmpty { continue }
      text += (text.isEmpty ? "" : "\n") + style.paint(group.title.uppercased(), .bold) + "\n"
      for check in own { text += check.text(nameWidth: width, style) }
    }
    // At the end of many lines: which ones to look at.
    let bad = [Verdict.fault, .warning].compactMap { verdict -> String? in
      let names = checks.filter { $0.verdict == verdict }.map(\.name.rawValue)
      if names.isEmpty { return nil }
      return style.paint(verdict == .fault ? "faults" : "warnings", verdict.paint) + ": "
        + names.joined(separator: ", ") + "\n"
    }
    return text + "\n" + bad.joined() + summary(style) + "\n"
  }

  private func summary(_ style: Style) -> String {
    let count = { (verdict: Verdict) in checks.count { $0.verdict == verdict } }
    let parts = [
      (Verdict.fault, "fault", "faults"), (.warning, "warning", "warnings"), (.unknown, "unknown", "unknown"),
    ]
    .filter { count($0.0) > 0 }
    .map { style.paint("\(count($0.0)) \(count($0.0) == 1 ? $0.1 : $0.2)", $0.0.paint) }
    let hint = isRoot || count(.unknown) == 0 ? "" : "; root sees more"
    return
      "\(checks.count) checks: \(parts.isEmpty ? style.paint("all is well", .green) : parts.joined(separator: ", "))"
      + hint
  }
}

extension Check {
  /// Verdict, name and the first line of evidence; below it the others, and what to do.
  fileprivate func text(nameWidth: Int, _ style: Style) -> String {
    let verdictWidth = Verdict.allCases.map(\.rawValue.count).max() ?? 0
    let pad = { (text: String, width: Int) in text + String(repeating: " ", count: max(0, width - text.count)) }
    let indent = String(repeating: " ", count: 2 + verdictWidth + 2 + nameWidth + 2)
    let lines = evidence.map(printable)
    return "  \(style.paint(pad(verdict.rawValue, verdictWidth), verdict.paint))  \(pad(name.rawValue, nameWidth))  "
      + lines.joined(separator: "\n\(indent)") + "\n"
      + fix.map { "\(indent)\(style.paint("→", .bold)) \(printable($0))\n" }.joined()
  }
}

extension Verdict {
  fileprivate var paint: Paint {
    switch self {
    case .ok: .green
    case .unknown: .magenta
    case .warning: .yellow
    case .fault: .red
    }
  }
}
