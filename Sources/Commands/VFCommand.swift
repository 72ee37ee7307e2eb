import ArgumentParser

/// `vfpool vf`
struct VFCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vf", abstract: "Virtual functions: who holds them, and what is set on them.",
    subcommands: [VFList.self, VFShow.self, VFSet.self, VFReset.self, VFQuarantine.self, VFUnquarantine.self])
}
