import ArgumentParser
import ControlAPI

/// `vfpool vf unquarantine VF`
struct VFUnquarantine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unquarantine", abstract: "Lets a parked VF be handed out again.",
    discussion: "`vfpool vf show VF` says why it was parked.")

  @Argument(help: "The VF: PF/INDEX or its PCI address.", completion: .vfs) var vf: String
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let row = try connection.client.unquarantine(vf: vf)
    json.print(row) { row.text(Console.current.style) }
  }
}
