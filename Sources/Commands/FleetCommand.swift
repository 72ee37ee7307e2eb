import ArgumentParser

/// `vfpool fleet`
struct FleetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fleet", abstract: "Many hosts with one MAC space: what each has, and where there is room.",
    discussion: """
      A host is in a fleet when vfpool.conf names its etcd (fleet = https://etcd1:2379,…; man 5 vfpool.conf). Guests start \
      and stop without it; what could not be told is told when etcd is back.
      """,
    subcommands: [
      FleetStatus.self, FleetHosts.self, FleetFind.self, FleetPlace.self, FleetApply.self, FleetForget.self,
      FleetWatch.self,
    ])
}
