import ArgumentParser

/// `vfpool guest`
struct GuestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guest", abstract: "Guests: what they have, and VFs and devices on their way in and out.",
    subcommands: [GuestList.self, GuestAttach.self, GuestDetach.self, GuestXML.self])
}

/// `--live`, `--config`
struct GuestScopeOptions: ParsableArguments {
  @Flag(help: "The guest as it runs.") var live = false
  @Flag(help: "Its definition, for its next start.") var config = false
}

extension GuestScopeOptions {
  static let discussion = """
    --live is about the guest as it runs, --config about its definition, by which it starts the next time; both may be \
    given. Without either it is the guest as it runs, or its definition when it doesn't.
    """
}
