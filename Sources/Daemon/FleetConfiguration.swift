import ControlSocket
import Etcd
import EtcdFleet
import Fleet
import Foundation
import LedgerStore
import Logging
import PoolModel

/// What vfpoold takes from `/etc/vfpool/vfpool.conf` of its fleet.
///
/// | key | meaning |
/// |---|---|
/// | `fleet` | etcd's endpoints, `https://HOST:PORT`, with commas between; off |
/// | `fleet-host` | this host's name in the fleet; the kernel's host name |
/// | `fleet-prefix` | what all keys begin with; `/vfpool/` |
/// | `fleet-heartbeat` | seconds after which a host that gives no sign has vanished, 5 to 3600; 60 |
/// | `fleet-netdefs` | whether netdefs of `vfpool fleet apply` are applied here, `yes` or `no`; `yes` |
/// | `fleet-user` | etcd's user |
/// | `fleet-password-file` | a file with the password, for root alone |
/// | `fleet-ca` | a PEM file with the authorities that may have signed etcd's certificates; the system's |
/// | `fleet-cert`, `fleet-key` | PEM files: the certificate by which etcd knows this host |
///
/// A fleet that makes no sense is told, and the host is in none: guests don't depend on it.
struct FleetConfiguration: Sendable {
  var etcd: EtcdConfiguration
  var host: String
  var prefix = "/vfpool/"
  var heartbeat = 60
  var takesNetdefs = true

  /// In words, what is wrong with it.
  struct Unusable: Error, CustomStringConvertible { var description: String }

  /// Nil: no fleet is configured.
  init?(text: String) throws(Unusable) {
    var keys: [String: String] = [:]
    for (key, value) in ConfigurationText(text) where key == "fleet" || key.hasPrefix("fleet-") {
      keys[String(key)] = String(value)
    }
    guard let endpoints = keys["fleet"], !endpoints.isEmpty else { return nil }
    do throws(EtcdError) {
      var found: [EtcdEndpoint] = []
      for part in endpoints.split(whereSeparator: { $0 == "," || $0 == " " }) {
        found.append(try EtcdEndpoint(String(part)))
      }
      etcd = EtcdConfiguration(endpoints: found)
    } catch {
      throw Unusable(description: "fleet: \(error)")
    }
    host = keys["fleet-host"] ?? Self.hostName
    if host.isEmpty || host.contains("/") { throw Unusable(description: "fleet-host “\(host)” can't be a host's name") }
    prefix = keys["fleet-prefix"] ?? prefix
    if let text = keys["fleet-heartbeat"] {
      guard let seconds = Int(text), (5...3600).contains(seconds) else {
        throw Unusable(description: "fleet-heartbeat “\(text)” is not a number of seconds from 5 to 3600")
      }
      heartbeat = seconds
    }
    switch keys["fleet-netdefs"] {
    case nil, "yes": break
    case "no": takesNetdefs = false
    case let other?: throw Unusable(description: "fleet-netdefs “\(other)” is neither yes nor no")
    }
    if let user = keys["fleet-user"] {
      guard let file = keys["fleet-password-file"] else {
        throw Unusable(description: "fleet-user needs fleet-password-file")
      }
      etcd.user = .init(name: user, password: try Self.password(file))
    }
    etcd.certificateAuthority = keys["fleet-ca"]
    switch (keys["fleet-cert"], keys["fleet-key"]) {
    case (let certificate?, let key?): etcd.clientCertificate = .init(certificate: certificate, key: key)
    case (nil, nil): break
    default: throw Unusable(description: "fleet-cert and fleet-key belong together")
    }
  }

  private static var hostName: String {
    let text = (try? String(contentsOfFile: "/proc/sys/kernel/hostname", encoding: .utf8)) ?? ""
    return String(text.prefix { !$0.isWhitespace })
  }

  private static func password(_ path: String) throws(Unusable) -> String {
    let mode: Int
    do {
      mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? 0
    } catch {
      throw Unusable(description: "fleet-password-file \(path) isn't there")
    }
    guard mode & 0o077 == 0 else {
      throw Unusable(description: "fleet-password-file \(path) can be read by others: chmod 0600 \(path)")
    }
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw Unusable(description: "fleet-password-file \(path) can't be read")
    }
    let password = text.split(separator: "\n", omittingEmptySubsequences: false).first.map(String.init) ?? ""
    if password.isEmpty { throw Unusable(description: "fleet-password-file \(path) has no password in its first line") }
    return password
  }

  /// Throws `Unusable`: a certificate's file can't be used.
  func agent(
    version: String, ledger: LedgerStore, log: Logger, now: @escaping @Sendable () -> Timestamp
  ) throws(Unusable) -> (agent: FleetAgent, etcd: EtcdClient) {
    let machine = (try? String(contentsOfFile: "/etc/machine-id", encoding: .utf8))?.prefix { !$0.isWhitespace }
    let client: EtcdClient
    do throws(EtcdError) { client = try EtcdClient(etcd, log: log) } catch {
      throw Unusable(description: "\(error)")
    }
    let agent = FleetAgent(
      store: EtcdFleetStore(client), keys: FleetKeys(prefix: prefix),
      host: .init(name: host, machine: machine.map(String.init) ?? host, ledger: ledger.id, version: version),
      heartbeat: heartbeat, takesNetdefs: takesNetdefs, audit: ledger, log: log, now: now)
    return (agent, client)
  }
}
