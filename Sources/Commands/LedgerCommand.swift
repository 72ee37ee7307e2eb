import ArgumentParser
import ControlAPI
import FoundationEssentials
import HostConfig
import PoolModel

/// `vfpool ledger`
struct LedgerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ledger", abstract: "The ledger's file: check it, back it up, put a backup in its place, rebuild it.",
    discussion: """
      The ledger has the pools, each guest's MAC, who has which VF and who had it. When its file is damaged, vfpoold \
      says so and only looks: guests start, with VFs that libvirt picks, until the ledger is restored or rebuilt.
      """,
    subcommands: [LedgerCheck.self, LedgerBackup.self, LedgerRestore.self, LedgerRebuild.self])
}

/// `vfpool ledger check`
struct LedgerCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Reads the whole ledger, or a backup of it, and says what is wrong.",
    discussion: "Guests and vfpoold are not disturbed. Exit codes: 0 it is whole, 1 it isn't.")

  @Argument(help: .init("A backup; default: the ledger itself.", valueName: "file"), completion: .file())
  var file: String?
  @OptionGroup var json: JSONOption

  func run() throws {
    let survey = try LedgerProgram.current.run(["check"] + (file.map { [$0] } ?? []))
    json.print(survey) { survey.text() }
    if !survey.faults.isEmpty { throw CommandError(.faultsFound) }
  }
}

/// `vfpool ledger backup`
struct LedgerBackup: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Writes a copy of the ledger as of one moment.",
    discussion: """
      Guests and vfpoold are not disturbed. The copy is a ledger itself, only root may read it; FILE must not be there yet.

        vfpool ledger backup /var/backups/vfpool-$(date +%F).sqlite
      """)

  @Argument(help: .init("The copy.", valueName: "file"), completion: .file()) var file: String
  @OptionGroup var json: JSONOption

  func run() throws {
    let survey = try LedgerProgram.current.run(["backup", file])
    json.print(survey) { survey.text() }
  }
}

/// `vfpool ledger restore`
struct LedgerRestore: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Puts a backup in the ledger's place; the ledger that is there is put aside.",
    discussion: """
      The backup is checked first. vfpoold is stopped meanwhile; guests keep running, and what they have now is taken over \
      from libvirt and the kernel afterwards. MACs that were bound since the backup are forgotten; \
      the audit goes on.
      """)

  @Argument(help: .init("The backup.", valueName: "file"), completion: .file()) var file: String
  @Flag(help: "Don't ask.") var yes = false
  @OptionGroup var json: JSONOption

  func run() throws {
    let survey = try LedgerProgram.current.replace(
      ["restore", file], yes,
      "This puts \(file) in the place of the ledger; what was recorded since is put aside with it.")
    json.print(survey) { survey.text() }
  }
}

/// `vfpool ledger rebuild`
struct LedgerRebuild: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rebuild", abstract: "Makes a new ledger of what can still be read of a damaged one.",
    discussion: """
      For when there is no backup to restore. The old file is put aside. vfpoold is stopped meanwhile; guests keep running, \
      and what they have now is taken over from libvirt and the kernel afterwards. Pools that could not be read come back \
      in observe mode: “vfpool pool apply FILE” makes them what they were.
      """)

  @Flag(help: "Don't ask.") var yes = false
  @OptionGroup var json: JSONOption

  func run() throws {
    let survey = try LedgerProgram.current.replace(
      ["rebuild"], yes, "This makes a new ledger of what can be read of the present one, which is put aside.")
    json.print(survey) { survey.text() }
  }
}

/// `vfpoold ledger`, the only program that knows SQLite, and the service that must not run meanwhile.
struct LedgerProgram: Sendable {
  /// Runs vfpoold with these arguments and returns what it prints.
  var vfpoold: @Sendable ([String]) throws(CommandError) -> String
  var systemctl: @Sendable ([String]) throws(CommandError) -> String

  static let host = LedgerProgram(
    vfpoold: { arguments throws(CommandError) in
      try requireRoot("vfpool ledger")
      return try Subprocess([InstalledFiles.vfpoold, "ledger"] + arguments).output()
    },
    systemctl: { arguments throws(CommandError) in try Subprocess(["systemctl"] + arguments).output() })

  @TaskLocal static var current = host

  func run(_ arguments: [String]) throws(CommandError) -> LedgerSurvey {
    let text = try vfpoold(arguments)
    guard let survey = try? JSONDecoder().decode(LedgerSurvey.self, from: Data(text.utf8)) else {
      throw CommandError(.failed, "can't read what vfpoold printed: are vfpool and vfpoold of one version?")
    }
    return survey
  }

  /// The same while vfpoold.service is stopped.
  func replace(_ arguments: [String], _ yes: Bool, _ question: String) throws(CommandError) -> LedgerSurvey {
    if !yes {
      try Console.current.confirm(question, instead: "vfpool ledger \(arguments[0]) replaces the ledger: say --yes")
    }
    let runs = (try? systemctl(["is-active", "vfpoold.service"])) != nil
    if runs { _ = try systemctl(["stop", "vfpoold.service"]) }
    do throws(CommandError) {
      let survey = try run(arguments)
      if runs { _ = try systemctl(["start", "vfpoold.service"]) }
      return survey
    } catch {
      if runs { _ = try? systemctl(["start", "vfpoold.service"]) }
      throw error
    }
  }
}

extension LedgerSurvey {
  private static let words = [
    ("pool", "pools"), ("lease", "open leases"), ("history", "leases that are over"), ("macBinding", "MAC bindings"),
    ("baseline", "baselines"), ("quarantine", "quarantined VFs"), ("vfCount", "VF counts"), ("audit", "audit records"),
  ]

  /// For people.
  func text() -> String {
    let kilobytes = (bytes + 1023) / 1024
    var text = "\(printable(path)): \(kilobytes) KiB, \(faults.isEmpty ? "whole" : "DAMAGED")\n"
    for fault in faults { text += "  ! \(printable(fault))\n" }
    let counted = Self.words.compactMap { table, words in rows[table].map { "\($0) \(words)" } }
    if !counted.isEmpty { text += "  \(counted.joined(separator: ", "))\n" }
    if let aside { text += "  the ledger that was there: \(printable(aside))\n" }
    for (table, count) in (lost ?? [:]).sorted(by: { $0.key < $1.key }) {
      let words = Self.words.first { $0.0 == table }?.1 ?? table
      text += "  ! \(words): \(count) or more could not be taken over\n"
    }
    return text
  }
}
