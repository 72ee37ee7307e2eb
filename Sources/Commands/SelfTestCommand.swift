import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool selftest --pf PF`
struct SelfTestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "selftest",
    abstract: "Proves a card: sets, reads back and restores every attribute of one free VF.",
    discussion: """
      vfpoold takes a VF that nobody has, one in no pool if there is one, keeps it from being handed out meanwhile, and \
      tells what the driver can and can't do. What it doesn't offer is no failure.

      Exit codes: 0 the VF is what it was before, 1 it isn't: then it is quarantined.
      """)

  @Option(help: .init("The PF: its netdev's name.", valueName: "PF"), completion: .pfs) var pf: String
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let pf = pf
    let report = try withProgress("testing a VF of \(pf)") { () throws(ControlClientError) in
      try connection.client.selfTest(pf: pf)
    }
    json.print(report) { report.text(Console.current.style) }
    if let failure = report.failure { throw CommandError(.failed, failure) }
  }
}

extension SelfTestReport {
  private var vf: String { VFIndex(pf: pf, index: index).description }

  /// What the command fails with; nil = it doesn't.
  var failure: String? {
    left.map { left in
      "\(vf) is not what it was before: \(left); "
        + (quarantined
          ? "it is quarantined, try it again: vfpool vf reset \(vf)" : "see what has it: vfpool vf show \(vf)")
    }
  }

  /// The table for people.
  func text(_ style: Style) -> String {
    var fields = FieldList()
    fields.add("VF", "\(vf) (\(pci))")
    fields.add("driver", driver)
    fields.add("restored", restored ? "yes" : "no", restored ? .green : .red)
    return fields.text(style) + "\n" + Table(attributes, TrialRow.columns).text(style)
  }
}

extension TrialRow {
  static let columns: [Column<TrialRow>] = [
    Column("ATTRIBUTE") { Cell($0.attribute) },
    Column("WAS", optional: true) { row in Cell(row.short(row.was)) },
    Column("SET") { row in Cell(row.short(row.set)) },
    Column("RESULT") { Cell($0.outcome.words, $0.outcome.paint) },
    Column("WHY") { Cell($0.detail) },
  ]

  /// `on` of `trust on`: the attribute is named already.
  private func short(_ text: String?) -> String? {
    guard let text, text.hasPrefix(attribute + " ") else { return text }
    return String(text.dropFirst(attribute.count + 1))
  }
}

extension TrialOutcome {
  fileprivate var words: String {
    switch self {
    case .ok: "ok"
    case .unsupported: "unsupported"
    case .refused: "refused"
    case .differs: "reads differently"
    case .notRestored: "not restored"
    case .notTried: "not tried"
    }
  }

  fileprivate var paint: Paint {
    switch self {
    case .ok: .green
    case .unsupported: .magenta
    case .refused, .differs, .notTried: .yellow
    case .notRestored: .red
    }
  }
}
