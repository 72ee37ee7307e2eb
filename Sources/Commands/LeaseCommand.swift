import ArgumentParser

/// `vfpool lease`
struct LeaseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lease", abstract: "Leases: which guest has which VF, now and earlier.",
    subcommands: [LeaseList.self, LeaseHistory.self])
}
