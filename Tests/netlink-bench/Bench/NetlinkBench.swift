import Clibnl
import Glibc
import Netlink
import PoolModel
import Syscalls

/// What reading and writing VFs costs beside the bare system calls. Runs on a host whose PFs have VFs, as root.
@main
struct NetlinkBench {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    switch arguments.first {
    case "dump" where arguments.count <= 2:
      try compareDumps(pairs: arguments.dropFirst().first.flatMap { Int($0) } ?? 60)
    case "set" where arguments.count == 4:
      try set(pf: arguments[2], count: Int(arguments[3]) ?? 0, round: Int(arguments[4]) ?? 0)
    default:
      print("usage: netlink-bench dump [PAIRS]            every link of the host, against the system calls alone")
      print(
        "       netlink-bench set PF COUNT ROUND       five settings of the PF's first COUNT VFs, others each ROUND")
      exit(2)
    }
  }

  /// Processor time of this process, in turns of several dumps each.
  private static func compareDumps(pairs: Int) throws {
    let route = try RouteSocket()
    let bare = syscalls_open()
    guard bare >= 0 else { throw NetlinkError(code: .system, operation: "open", subject: "a socket", errno: -bare) }
    defer { close(bare) }
    let dumpsATurn = 10
    let mask = UInt32(RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS)
    var vfs = 0
    func ours() throws {
      for _ in 0..<dumpsATurn { vfs = try route.links().reduce(0) { $0 + $1.vfs.count } }
    }
    func theirs() throws {
      for _ in 0..<dumpsATurn {
        let bytes = syscalls_dump(bare, mask)
        if bytes < 0 {
          throw NetlinkError(code: .system, operation: "list", subject: "links", errno: Int32(-bytes))
        }
      }
    }
    try ours()
    try theirs()
    var (ratios, times) = ([Double](), (ours: [Double](), theirs: [Double]()))
    for number in 0..<pairs {
      // Which comes first alternates, so that a drift of the machine favours neither.
      let first = number.isMultiple(of: 2) ? try processorTime(ours) : 0
      let second = try processorTime(theirs)
      let mine = number.isMultiple(of: 2) ? first : try processorTime(ours)
      ratios.append(mine / second)
      times.ours.append(mine / Double(dumpsATurn))
      times.theirs.append(second / Double(dumpsATurn))
    }
    let (low, high) = interval(ratios)
    print(
      "dump of \(vfs) VFs against the system calls alone, user + sys: "
        + "ratio \(text(median(ratios))) [\(text(low)), \(text(high))], aim at most 1.3 "
        + "(\(text(median(times.ours))) ms against \(text(median(times.theirs))) ms, \(pairs) pairs)")
  }

  /// With three decimal places.
  private static func text(_ value: Double) -> String {
    let thousandths = Int((value * 1000).rounded())
    return "\(thousandths / 1000)." + "\(1000 + thousandths % 1000)".dropFirst()
  }

  /// MAC, VLAN, rate, spoof check and trust of each VF.
  private static func set(pf: String, count: Int, round: Int) throws {
    let route = try RouteSocket()
    let ifindex = try route.link(name: pf).ifindex
    let writes = (0..<count).map { vf in
      var settings = VFSettings(trust: !round.isMultiple(of: 2))
      settings.mac = MACAddress(value: 0x5254_0000_0000 | UInt64(round & 0xff) << 16 | UInt64(vf))
      settings.vlan = .tagged(VLANTag(id: UInt16(1 + round % 4000)))
      settings.maxTxRate = UInt32(100 + round)
      settings.spoofchk = round.isMultiple(of: 2)
      return VFWrite(ifindex: ifindex, vf: vf, settings: settings)
    }
    for case let error? in route.set(writes) { throw error }
  }

  /// User and system time of `body`, in milliseconds.
  private static func processorTime(_ body: () throws -> Void) rethrows -> Double {
    let before = processorTime()
    try body()
    return processorTime() - before
  }

  private static func processorTime() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let milliseconds = { (time: timeval) in Double(time.tv_sec) * 1000 + Double(time.tv_usec) / 1000 }
    return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime)
  }

  private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

  /// The median's 95 % interval by order statistics.
  private static func interval(_ values: [Double]) -> (Double, Double) {
    let sorted = values.sorted()
    let half = 0.98 * Double(sorted.count).squareRoot()
    let place = { (x: Double) in sorted[max(0, min(sorted.count - 1, Int(x)))] }
    return (place(Double(sorted.count) / 2 - half), place(Double(sorted.count) / 2 + half))
  }
}
