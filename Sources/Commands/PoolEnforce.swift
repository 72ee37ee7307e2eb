import ArgumentParser
import ControlAPI

/// `vfpool pool enforce P`
struct PoolEnforce: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enforce", abstract: "Lets vfpool manage a network that it only watched until now.")

  @Argument(help: "The pool.", completion: .pools) var pool: String
  @OptionGroup var plan: PlanOptions
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let report = try withProgress("working on \(pool)") { () throws(ControlClientError) in
      try connection.client.enforce(pool: pool, plan: plan.isOn, ifPlan: plan.ifPlan)
    }
    try report.show(pool, json)
  }
}
