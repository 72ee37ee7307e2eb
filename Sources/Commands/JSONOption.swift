import ArgumentParser
import ControlAPI

/// `--json`
struct JSONOption: ParsableArguments {
  @Flag(name: .customLong("json"), help: "Print JSON; its field names stay the same in later versions.")
  var isOn = false

  /// Prints `value` as JSON, or what `text` makes for people.
  func print(_ value: some Encodable, or text: () -> String) {
    Console.current.write(isOn ? JSONText(value).pretty + "\n" : text())
  }

  /// Prints rows as JSON, or as a table, or says on standard error that there are none.
  func print<Row: Encodable>(_ rows: [Row], _ columns: [Column<Row>], none: String) {
    if isOn {
      Console.current.write(JSONText(rows).pretty + "\n")
    } else if rows.isEmpty {
      Console.current.complain(none + "\n")
    } else {
      Console.current.write(Table(rows, columns).text(Console.current.style))
    }
  }
}
