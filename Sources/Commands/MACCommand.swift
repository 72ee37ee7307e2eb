import ArgumentParser

/// `vfpool mac`
struct MACCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mac", abstract: "MAC bindings: which NIC has which MAC for good.", subcommands: [MACList.self])
}
