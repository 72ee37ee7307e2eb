import ArgumentParser
import ControlAPI

/// `vfpool reconcile`
struct ReconcileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reconcile", abstract: "Compares kernel, libvirt and ledger, and repairs what has drifted.")

  @Flag(help: "Only list each drift and its repair; exit code 3 when there is one.") var plan = false
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let report = try withProgress("reconciling") { () throws(ControlClientError) in
      try connection.client.reconcile(plan: plan)
    }
    try report.show("reconcile", json)
  }
}
