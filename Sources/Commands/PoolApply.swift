import ArgumentParser
import ControlAPI

/// `vfpool pool apply FILE…`
struct PoolApply: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Makes or changes the pools that netdef files describe.",
    discussion: """
      A netdef is a libvirt network with <forward mode='hostdev'>. Several files are applied in the order given; the \
      first one that fails ends it. With --plan nothing is changed and every file is looked at.
      """)

  @Argument(
    help: .init("Netdef files; - is standard input.", valueName: "file"), completion: .file(extensions: ["xml"]))
  var files: [String]
  @OptionGroup var plan: PlanOptions
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if plan.ifPlan != nil, files.count != 1 {
      throw ValidationError("--if-plan stands for the plan of one file: give exactly one")
    }
    if files.filter({ $0 == "-" }).count > 1 { throw ValidationError("standard input (-) can be read only once") }
  }

  func run() throws {
    let netdefs = try files.map { name throws(CommandError) in (name: name, xml: try InputFile(name).bytes()) }
    let client = connection.client
    var applied: [AppliedFile] = []
    var failures: [ControlClientError] = []
    for (position, netdef) in netdefs.enumerated() {
      let file = netdef.name == "-" ? "standard input" : netdef.name
      do throws(ControlClientError) {
        let report = try withProgress("applying \(file)") { () throws(ControlClientError) in
          try client.apply(netdef: netdef.xml, file: file, plan: plan.isOn, ifPlan: plan.ifPlan)
        }
        applied.append(AppliedFile(file: file, report: report))
        if !json.isOn { Console.current.write(report.text(file, Console.current.style)) }
      } catch {
        guard error.code != .unreachable else { throw error }
        var error = error
        error.text = Self.named(error.text, file)
        let rest = netdefs.dropFirst(position + 1).map(\.name)
        if !plan.isOn, !rest.isEmpty { error.text += "\nnot applied: \(rest.joined(separator: ", "))" }
        failures.append(error)
        if !plan.isOn { break }
      }
    }
    if json.isOn { json.print(applied) { "" } }
    for failure in failures.dropLast() { Console.current.complain("vfpool: \(failure.text)\n") }
    if let last = failures.last { throw last }
    if plan.isOn, applied.contains(where: { !$0.report.steps.isEmpty }) { throw CommandError(.planHasChanges) }
  }

  /// The daemon's words behind the file's name, unless they begin with it already.
  static func named(_ text: String, _ file: String) -> String { text.hasPrefix("\(file):") ? text : "\(file): \(text)" }
}

/// What became of one file, as `vfpool pool apply --json` prints it.
struct AppliedFile: Encodable {
  var file: String
  var report: PlanReport

  enum CodingKeys: String, CodingKey { case file, steps, disruptedGuests, token, done, notes, changes }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(file, forKey: .file)
    try container.encode(report.steps, forKey: .steps)
    try container.encode(report.disruptedGuests, forKey: .disruptedGuests)
    try container.encode(report.token, forKey: .token)
    try container.encode(report.done, forKey: .done)
    try container.encode(report.notes, forKey: .notes)
    try container.encode(report.changes, forKey: .changes)
  }
}
