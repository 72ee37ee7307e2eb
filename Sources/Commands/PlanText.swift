import ControlAPI
import PoolModel

extension PlanReport {
  /// What was or would be done, for people; `subject` is the file or object that it is about.
  func text(_ subject: String, _ style: Style) -> String {
    var text = ""
    if steps.isEmpty {
      text += "\(subject): nothing to do\n"
    } else {
      text += "\(subject): \(done ? "done" : "would do")\n"
      for step in steps { text += "  \(style.paint(done ? "*" : "+", .green)) \(Self.indented(step))\n" }
    }
    for change in changes {
      text += "  \(style.paint("=", change.isBlocked ? .red : .yellow)) \(Self.indented("\(change)"))\n"
    }
    if !disruptedGuests.isEmpty {
      let guests = disruptedGuests.map(printable).joined(separator: ", ")
      text += style.paint("  guests that \(done ? "lost" : "would lose") their VF: \(guests)", .red) + "\n"
    }
    for note in notes { text += "  note: \(Self.indented(note))\n" }
    if !done, !steps.isEmpty { text += "  to do exactly this: --if-plan \(token)\n" }
    return text
  }

  private static func indented(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }
      .joined(separator: "\n    ")
  }

  /// Prints the report; throws when it is a plan with something to do.
  func show(_ subject: String, _ json: JSONOption) throws(CommandError) {
    json.print(self) { text(subject, Console.current.style) }
    if !done, !steps.isEmpty { throw CommandError(.planHasChanges) }
  }
}
