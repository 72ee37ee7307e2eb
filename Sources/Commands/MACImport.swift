import ArgumentParser
import ControlAPI

/// `vfpool mac import FILE`
struct MACImport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Binds all MACs of a list, or none.",
    discussion: """
      The list has a line for each NIC, GUEST POOL[/POSITION] MAC, and # before what isn't read; or it is what `vfpool mac \
      list --json` prints, here or on another host. Each line is what `vfpool mac bind` does. When something is wrong, all of \
      it is told with its line, and nothing is bound.

        vfpool mac list --json > macs.json
        vfpool mac import macs.json --plan
      """)

  @Argument(help: .init("The list; - is standard input.", valueName: "file"), completion: .file()) var file: String
  @OptionGroup var plan: PlanOptions
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let list = try InputFile(file).bytes()
    let name = file == "-" ? "standard input" : file
    let report: PlanReport
    do throws(ControlClientError) {
      report = try withProgress("binding the MACs of \(name)") { () throws(ControlClientError) in
        try connection.client.bind(list: list, plan: plan.isOn, ifPlan: plan.ifPlan)
      }
    } catch {
      guard error.code != .unreachable else { throw error }
      var error = error
      error.text = error.text.split(separator: "\n").map { "\(name): \($0)" }.joined(separator: "\n")
      throw error
    }
    try report.show(name, json)
  }
}
