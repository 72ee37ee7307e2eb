import Etcd
import Foundation
import Testing

@testable import Daemon

@Suite struct FleetConfigurationTests {
  private static let one = "fleet = https://etcd1:2379\n"

  @Test func nothingIsNoFleet() throws {
    #expect(try FleetConfiguration(text: "") == nil)
    #expect(try FleetConfiguration(text: "fleet-host = a\n#fleet = https://etcd1\n") == nil)
  }

  @Test func whatIsGivenIsTaken() throws {
    let file = NSTemporaryDirectory() + "vfpool-\(UUID().uuidString.prefix(8))"
    defer { try? FileManager.default.removeItem(atPath: file) }
    _ = FileManager.default.createFile(
      atPath: file, contents: Data("secret\nrest".utf8), attributes: [.posixPermissions: 0o600])
    let fleet = try #require(
      try FleetConfiguration(
        text: """
          fleet = https://etcd1:2379, https://etcd2:2380,https://[fd00::3]
          fleet-host = kvm1
          fleet-prefix = /site/
          fleet-heartbeat = 30
          fleet-netdefs = no
          fleet-user = vfpool
          fleet-password-file = \(file)
          fleet-ca = /etc/vfpool/ca.pem
          fleet-cert = /etc/vfpool/cert.pem
          fleet-key = /etc/vfpool/key.pem
          """))
    #expect(
      fleet.etcd.endpoints.map { "\($0)" } == ["https://etcd1:2379", "https://etcd2:2380", "https://[fd00::3]:2379"])
    #expect(fleet.etcd.user == .init(name: "vfpool", password: "secret"))
    #expect(fleet.etcd.certificateAuthority == "/etc/vfpool/ca.pem")
    #expect(fleet.etcd.clientCertificate == .init(certificate: "/etc/vfpool/cert.pem", key: "/etc/vfpool/key.pem"))
    #expect((fleet.host, fleet.prefix, fleet.heartbeat, fleet.takesNetdefs) == ("kvm1", "/site/", 30, false))
    let plain = try #require(try FleetConfiguration(text: "fleet = http://127.0.0.1:2379"))
    #expect((plain.prefix, plain.heartbeat, plain.takesNetdefs) == ("/vfpool/", 60, true))
    #expect(!plain.host.isEmpty)
  }

  @Test(arguments: [
    ("fleet = http://etcd1:2379", "is not encrypted"), ("fleet = etcd1:2379", "does not begin with https://"),
    (one + "fleet-host = a/b", "fleet-host “a/b” can't be a host's name"),
    (one + "fleet-heartbeat = 1", "not a number of seconds from 5 to 3600"),
    (one + "fleet-netdefs = maybe", "neither yes nor no"), (one + "fleet-user = u", "needs fleet-password-file"),
    (one + "fleet-user = u\nfleet-password-file = /nowhere", "/nowhere isn't there"),
    (one + "fleet-cert = /c", "belong together"),
  ])
  func whatMakesNoSenseIsSaid(text: String, words: String) {
    let error = #expect(throws: FleetConfiguration.Unusable.self) { try FleetConfiguration(text: text) }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test func aPasswordThatOthersCanReadIsNotTaken() throws {
    let file = NSTemporaryDirectory() + "vfpool-\(UUID().uuidString.prefix(8))"
    defer { try? FileManager.default.removeItem(atPath: file) }
    _ = FileManager.default.createFile(atPath: file, contents: Data("x".utf8), attributes: [.posixPermissions: 0o644])
    let error = #expect(throws: FleetConfiguration.Unusable.self) {
      try FleetConfiguration(text: Self.one + "fleet-user = u\nfleet-password-file = \(file)")
    }
    #expect(error?.description == "fleet-password-file \(file) can be read by others: chmod 0600 \(file)")
  }
}
