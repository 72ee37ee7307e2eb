import ArgumentParser

/// `vfpool audit`
struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "The audit: who asked vfpoold for which change.", subcommands: [AuditList.self])
}
