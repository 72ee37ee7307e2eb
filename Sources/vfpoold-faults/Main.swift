import Daemon
import FaultPoints
import Foundation

/// vfpoold with fault points: `VFPOOL_FAULTS` has the plan, or `@FILE`. For tests only.
@main
struct FaultyVFPoolDaemon {
  static func main() async {
    let plan = ProcessInfo.processInfo.environment["VFPOOL_FAULTS"] ?? ""
    await DaemonRun.main { neighbours in
      let faults = try FaultRun(plan)
      return neighbours.withFaults { try faults.pass($0) }
    }
  }
}
