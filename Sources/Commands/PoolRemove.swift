import ArgumentParser
import ControlAPI

/// `vfpool pool remove P`
struct PoolRemove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Removes a pool: its network and what vfpool keeps of it, not its history.")

  @Argument(help: "The pool.", completion: .pools) var pool: String
  @OptionGroup var plan: PlanOptions
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let report = try withProgress("working on \(pool)") { () throws(ControlClientError) in
      try connection.client.remove(pool: pool, plan: plan.isOn, ifPlan: plan.ifPlan)
    }
    try report.show(pool, json)
  }
}
