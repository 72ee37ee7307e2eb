import ArgumentParser
import ControlAPI
import Doctor
import Glibc

/// `vfpool doctor`
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Examines the host: firmware, kernel, cards, VFs, libvirt; prints what to type.",
    discussion: """
      It changes nothing, and works without vfpoold and without root; what it could not see then is “unknown”.

      Exit codes: 0 all is well or unknown, 1 there is a fault, 5 there are warnings but no fault.
      """)

  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions
  @Option(help: .init("The host's files.", valueName: "folder", visibility: .hidden)) var root = "/"

  func run() throws {
    let isRoot = geteuid() == 0
    let daemon = Self.daemonChecks { () throws(ControlClientError) in try connection.client.status() }
    let report = DoctorReport(isRoot: isRoot, checks: daemon + Examination(root: root, isRoot: isRoot).checks())
    json.print(report) { report.text(Console.current.style) }
    switch report.verdict {
    case .ok, .unknown: break
    case .warning: throw CommandError(.warningsFound)
    case .fault: throw CommandError(.faultsFound)
    }
  }

  /// What vfpoold says of itself.
  static func daemonChecks(_ status: () throws(ControlClientError) -> StatusReport) -> [Check] {
    do throws(ControlClientError) {
      let status = try status()
      let problems =
        (status.libvirtConnected ? [] : ["vfpoold isn't connected to libvirt"])
        + status.problems.flatMap { $0.split(separator: "\n").map(String.init) }
      return [
        Check(.daemonAnswers, .ok, ["vfpoold \(status.version) answers"]),
        problems.isEmpty
          ? Check(.daemonProblems, .ok, ["vfpoold has no problems"])
          : Check(.daemonProblems, .warning, problems, fix: ["vfpool status", "vfpool reconcile --plan"]),
      ]
    } catch {
      let lines = error.text.split(separator: "\n").map(String.init)
      switch error.code {
      case .refused: return [Check(.daemonAnswers, .unknown, lines)]
      case .unreachable: return [Check(.daemonAnswers, .warning, lines, fix: ["systemctl enable --now vfpoold"])]
      case .failed, .malformed: return [Check(.daemonAnswers, .warning, lines, fix: ["journalctl -u vfpoold"])]
      }
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
    return text + "\n" + summary(style) + "\n"
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
