import Glibc
import PoolModel

/// libvirt's daemons, as systemd knows them.
struct LibvirtServices: Sendable {
  /// A daemon that runs.
  struct Running: Hashable, Sendable {
    var unit: String
    /// When its process was started.
    var since: Timestamp
  }

  /// Runs systemctl with these arguments and returns what it prints.
  var systemctl: @Sendable ([String]) throws(CommandError) -> String

  /// The monolithic daemon, and the modular ones that call the hooks.
  static let units = ["libvirtd.service", "virtqemud.service", "virtnetworkd.service"]

  static let host = LibvirtServices { arguments throws(CommandError) in
    try Subprocess(["systemctl"] + arguments).output()
  }

  /// Those that run now. One that doesn't looks for hooks when it starts.
  func running(now: Timestamp, monotonic: Int64 = LibvirtServices.monotonicMicroseconds) throws(CommandError)
    -> [Running]
  {
    let properties = "--property=Id,ActiveState,ExecMainStartTimestampMonotonic"
    let text = try systemctl(["show", properties] + Self.units)
    return Self.blocks(text).compactMap { block in
      guard let unit = block["Id"], ["active", "activating", "reloading"].contains(block["ActiveState"]) else {
        return nil
      }
      let started = block["ExecMainStartTimestampMonotonic"].flatMap { Int64($0) } ?? 0
      return Running(unit: unit, since: Timestamp(milliseconds: now.milliseconds - (monotonic - started) / 1000))
    }
  }

  /// Restarts them; guests keep running. A reload would do harm: libvirt then forgets which VFs are taken.
  func restart(_ units: [String]) throws(CommandError) { _ = try systemctl(["restart"] + units) }

  /// The clock of systemd's monotonic timestamps.
  static var monotonicMicroseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }

  /// `systemctl show` of several units: `NAME=VALUE` lines, a blank line between units.
  private static func blocks(_ text: String) -> [[String: String]] {
    text.split(separator: "\n", omittingEmptySubsequences: false).split(separator: "").map { lines in
      var block: [String: String] = [:]
      for line in lines {
        guard let sign = line.firstIndex(of: "=") else { continue }
        block[String(line[..<sign])] = String(line[line.index(after: sign)...])
      }
      return block
    }
  }
}
