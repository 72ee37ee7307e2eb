import ControlAPI
import ControlSocket
import Foundation
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
/// | `web-listen` | the loopback address and port for web page, API and metrics, read-only, with a token; off |
/// | `log-level` | `debug`, `info`, `notice`, `warning` or `error`; `info` |
///
/// A number or a prefix that makes no sense counts as absent. What begins with `fleet` is read by `FleetConfiguration`.
struct DaemonConfiguration: Sendable {
  var socket = SocketPath.readWrite
  var readOnlySocket = SocketPath.readOnly
  var ledger = "/var/lib/vfpool/ledger.sqlite"
  var retention = Retention()
  var quarantineLimit = 3
  var macPrefix = MACPrefix.standard
  var logLevel = "info"
  /// Where the page is served over TCP; nil = it isn't.
  var webListen: (host: String, port: Int)?
  /// The folder with the web page and the API's description; not in the file, but where the package puts it.
  var share = getenv("VFPOOL_SHARE").map { String(cString: $0) } ?? "/usr/share/vfpool"
  /// Nil: no fleet is configured.
  var fleet: Result<FleetConfiguration?, FleetConfiguration.Unusable>
  /// How long a passed prepare may keep its turn: twice what its hook waits.
  var turnLimit: Duration

  /// From the host's file.
  static var ofHost: DaemonConfiguration {
    let path = ProcessInfo.processInfo.environment["VFPOOL_CONF"] ?? "/etc/vfpool/vfpool.conf"
    return DaemonConfiguration(text: (try? String(contentsOfFile: path, encoding: .utf8)) ?? "")
  }

  init(text: String) {
    let hook = HookConfiguration(text: text)
    fleet = Result { () throws(FleetConfiguration.Unusable) in try FleetConfiguration(text: text) }
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
      case "web-listen": webListen = Self.loopback(value)
      case "log-level": logLevel = value
      default: continue
      }
    }
  }

  /// `127.0.0.1:8421`, `[::1]:8421` or `localhost:8421`; nil for what others could reach, too, and for ports that need a right
  /// which vfpoold doesn't have.
  private static func loopback(_ text: String) -> (host: String, port: Int)? {
    guard let colon = text.lastIndex(of: ":"),
      let port = count(String(text[text.index(after: colon)...]), 1024...65_535)
    else { return nil }
    switch text[..<colon] {
    case "127.0.0.1", "localhost": return ("127.0.0.1", port)
    case "[::1]": return ("::1", port)
    default: return nil
    }
  }

  private static func count(_ text: String, _ allowed: ClosedRange<Int>) -> Int? {
    Int(text).flatMap { allowed.contains($0) ? $0 : nil }
  }
}
