import ArgumentParser
import ControlAPI
import Sysfs

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
    let (pf, count) = (pf, count)
    let report = try withProgress(Self.progress(pf, count)) { () throws(ControlClientError) in
      try connection.client.setVFs(pf: pf, count: count, plan: plan.isOn, ifPlan: plan.ifPlan)
    }
    try report.show(pf, json)
  }

  /// Some drivers take a second for each VF.
  static func progress(_ pf: String, _ wanted: Int, _ tree: SysfsTree = SysfsTree()) -> String {
    tree.vfCount(ofNetdev: pf).map { "working on \(pf), which has \($0) of \(wanted) VFs" } ?? "working on \(pf)"
  }
}
