import ArgumentParser
import Glibc

/// `vfpool enable`
struct EnableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enable", abstract: "Links vfpool's hooks into libvirt; asks before it restarts libvirt's daemons.",
    discussion: "Guests keep running. libvirt looks for hooks when it starts, hence the restart.")

  @Flag(help: "Don't ask.") var yes = false
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try requireRoot("vfpool enable")
    try HookSwitch(client: connection.client).enable(yes: yes)
  }
}

/// Throws unless the process may do everything.
func requireRoot(_ what: String) throws(CommandError) {
  guard geteuid() == 0 else { throw CommandError(.refused, "\(what) needs root") }
}
