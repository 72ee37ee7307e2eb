import ArgumentParser

/// `vfpool guest`
struct GuestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guest", abstract: "Guests: how they name a pool.", subcommands: [GuestXML.self])
}
