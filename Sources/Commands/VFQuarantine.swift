import ArgumentParser
import ControlAPI

/// `vfpool vf quarantine VF --why TEXT`
struct VFQuarantine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quarantine", abstract: "Keeps a VF from being handed out.",
    discussion: """
      The VF is parked in libvirt until `vfpool vf unquarantine VF`. A VF that a guest has is refused: stop the guest \
      first. The reason is shown to whoever looks at the VF, or finds no free one.
      """)

  @Argument(help: "The VF: PF/INDEX or its PCI address.", completion: .vfs) var vf: String
  @Option(help: "The reason, in words.") var why: String
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let row = try connection.client.quarantine(vf: vf, why: why)
    json.print(row) { row.text(Console.current.style) }
  }
}
