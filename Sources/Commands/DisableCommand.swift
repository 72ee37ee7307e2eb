import ArgumentParser

/// `vfpool disable`
struct DisableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disable", abstract: "Takes vfpool's hooks out of libvirt; asks first while guests have VFs.",
    discussion: "Guests keep running, and libvirt forgets the hooks without a restart.")

  @Flag(help: "Don't ask.") var yes = false
  /// What is true anyway; packages' scripts may say it.
  @Flag(help: .init("Don't restart libvirt's daemons.", visibility: .hidden)) var noRestart = false
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try requireRoot("vfpool disable")
    try HookSwitch(client: connection.client).disable(yes: yes)
  }
}
