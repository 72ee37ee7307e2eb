import ControlAPI
import ControlSocket
import Glibc
import PoolModel

/// What vfpoold takes from `/etc/vfpool/vfpool.conf`, beside the hook's keys.
///
/// | key | meaning |
/// |---|---|
/// | `socket` | the socket that may change things; `/run/vfpool/vfpool.sock` |
/// | `socket-ro` | the socket that only looks; `/run/vfpool/vfpool-ro.sock` |
/// | `ledger` | the database; `/var/lib/vfpool/ledger.sqlite` |
/// | `history-months` | how long a lease that is over is kept; 13 |
/// | `history-limit` | how many of them at most; 1000000 |
/// | `quarantine-limit` | how many VFs of one PF are quarantined at most; 3, 0 = any number |
/// | `mac-prefix` | the first three octets of generated MACs; `52:54:00` |
/// | `log-level` | `debug`, `info`, `notice`, `warning` or `error`; `info` |
///
/// A number or a prefix that makes no sense counts as absent.
struct DaemonConfiguration: Sendable {
  var socket = SocketPath.readWrite
  var readOnlySocket = SocketPath.readOnly
  var ledger = "/var/lib/vfpool/ledger.sqlite"
  var retention = Retention()
  var quarantineLimit = 3
  var macPrefix = MACPrefix.standard
  var logLevel = "info"
  /// How long a passed prepare may keep its turn: twice what its hook waits.
  var turnLimit: Duration

  init(text: String) {
    let hook = HookConfiguration(text: text)
    turnLimit = .milliseconds(2 * hook.deadline(of: .prepare))
    for (key, value) in ConfigurationText(text) {
      switch key {
      case "socket": socket = value
      case "socket-ro": readOnlySocket = value
      case "ledger": ledger = value
      case "history-months": retention.months = Self.count(value, 1...12_000) ?? retention.months
      case "history-limit": retention.entries = Self.count(value, 1...Int.max) ?? retention.entries
      case "quarantine-limit": quarantineLimit = Self.count(value, 0...Int.max) ?? quarantineLimit
      case "mac-prefix": macPrefix = MACPrefix(value) ?? macPrefix
      case "log-level": logLevel = value
      default: continue
      }
    }
  }

  private static func count(_ text: String, _ allowed: ClosedRange<Int>) -> Int? {
    Int(text).flatMap { allowed.contains($0) ? $0 : nil }
  }
}
