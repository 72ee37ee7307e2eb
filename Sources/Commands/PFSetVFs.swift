import ArgumentParser
import ControlAPI

/// `vfpool pf set-vfs PF N`
struct PFSetVFs: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set-vfs", abstract: "Sets how many VFs a PF has, now and after the next boot.",
    discussion:
      "Every change but the first takes all VFs of the PF away and makes them anew: not while guests have one.")

  @Argument(help: "The PF: its netdev's name.", completion: .pfs) var pf: String
  @Argument(help: .init("How many VFs; 0 = none.", valueName: "N")) var count: Int
  @OptionGroup var plan: PlanOptions
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if count < 0 { throw ValidationError("N is 0 or more, not \(count)") }
  }

  func run() throws {
    let report = try withProgress("working on \(pf)") { () throws(ControlClientError) in
      try connection.client.setVFs(pf: pf, count: count, plan: plan.isOn, ifPlan: plan.ifPlan)
    }
    try report.show(pf, json)
  }
}
