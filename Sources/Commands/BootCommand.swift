import ArgumentParser
import HostConfig
import PoolModel
import Sysfs

/// `vfpool boot`, which vfpoold.service runs before vfpoold: needs neither libvirt nor the ledger.
struct BootCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "boot", abstract: "Creates the VFs that are vfpool's again, as they were before the host's boot.",
    shouldDisplay: false)

  /// Drivers may still be loading at boot.
  private static let patience = Duration.seconds(10)

  func run() throws {
    try requireRoot("vfpool boot")
    try Self.restore(VFCountFile(), SysfsTree(), patience: Self.patience)
  }

  /// Says what became of each count; throws when a PF doesn't have its count now.
  static func restore(
    _ file: VFCountFile, _ tree: SysfsTree, _ config: HostConfig = HostConfig(), patience: Duration
  ) throws(CommandError) {
    let console = Console.current
    let saved: (counts: [OwnVFCount], problems: [String])
    do throws(SysfsError) { saved = try file.read() } catch { throw CommandError(.failed, error.description) }
    for problem in saved.problems { console.complain("vfpool: \(problem)\n") }
    let results = tree.restore(saved.counts, patience: patience) { pf in
      config.vfCountWriters(of: PFIdentity(pf)).writers.map(\.description)
    }
    for result in results {
      if result.succeeded { console.write("\(result)\n") } else { console.complain("vfpool: \(result)\n") }
    }
    guard saved.problems.isEmpty, results.allSatisfy(\.succeeded) else { throw CommandError(.failed) }
  }
}
