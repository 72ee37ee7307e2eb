import ArgumentParser
import ControlAPI

/// `vfpool vf reset VF`
struct VFReset: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset", abstract: "Brings a VF back to its baseline, the state when it belongs to nobody.")

  @Argument(help: "The VF: PF/INDEX or its PCI address.", completion: .vfs) var vf: String
  @OptionGroup var disruption: DisruptOption
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let row = try connection.client.reset(vf: vf, disrupt: disruption.guests)
    json.print(row) { row.text(Console.current.style) }
  }
}
