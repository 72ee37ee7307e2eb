import ControlAPI
import ControlSocket
import Glibc

/// What vfpoold takes from `/etc/vfpool/vfpool.conf`, beside the hook's keys.
///
/// | key | meaning |
/// |---|---|
/// | `socket` | the socket that may change things; `/run/vfpool/vfpool.sock` |
/// | `socket-ro` | the socket that only looks; `/run/vfpool/vfpool-ro.sock` |
/// | `ledger` | the database; `/var/lib/vfpool/ledger.sqlite` |
/// | `log-level` | `debug`, `info`, `notice`, `warning` or `error`; `info` |
struct DaemonConfiguration: Sendable {
  var socket = SocketPath.readWrite
  var readOnlySocket = SocketPath.readOnly
  var ledger = "/var/lib/vfpool/ledger.sqlite"
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
      case "log-level": logLevel = value
      default: continue
      }
    }
  }
}
