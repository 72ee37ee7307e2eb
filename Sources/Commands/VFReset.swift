import ArgumentParser
import ControlAPI

/// `vfpool vf reset VF`
struct VFReset: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset", abstract: "Brings a VF back to its baseline, the state when it belongs to nobody.",
    discussion: """
      A VF that nobody has is reset by its card, too (a function-level reset, where the card has one), and when it was \
      quarantined and is clean then, it goes back to its pool. A guest's VF gets its baseline's settings, and only when \
      the guest is named.
      """)

  @Argument(help: "The VF: PF/INDEX or its PCI address.", completion: .vfs) var vf: String
  @OptionGroup var disruption: DisruptOption
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let row = try connection.client.reset(vf: vf, disrupt: disruption.guests)
    json.print(row) { row.text(Console.current.style) }
  }
}
