import ArgumentParser

/// `vfpool pf`
struct PFCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pf", abstract: "Physical functions: the cards that VFs come from.",
    subcommands: [PFList.self, PFShow.self, PFSetVFs.self])
}
