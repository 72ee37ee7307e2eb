import Foundation

/// A certificate authority and what it has signed, in a folder that goes with it; made by openssl.
public final class TestCertificates: Sendable {
  public struct Pair: Hashable, Sendable {
    public var certificate: String
    public var key: String
  }

  private let folder: URL
  public let authority: String
  /// Has signed nothing.
  public let otherAuthority: String
  /// For the members; also as clients, because a member's gateway asks the member itself.
  public let server: Pair
  public let client: Pair
  /// Without a common name.
  public let anonymousClient: Pair
  /// For the members, but not as clients.
  public let serverOnly: Pair

  /// `addresses`: the members'; 127.0.0.1, ::1 and localhost only with `isForLoopback`.
  public init(addresses: [String] = [], isForLoopback: Bool = true) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("etcd-certificates-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    self.folder = folder
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    func pair(_ name: String) -> Pair { Pair(certificate: path("\(name).pem"), key: path("\(name).key")) }
    func make(_ pair: Pair, _ subject: String, _ words: [String] = []) async throws {
      try await Command.run(
        [
          "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
          "-subj", subject, "-keyout", pair.key, "-out", pair.certificate,
        ] + words)
    }
    let root = pair("authority")
    let other = pair("other")
    (authority, otherAuthority) = (root.certificate, other.certificate)
    (server, serverOnly) = (pair("server"), pair("server-only"))
    (client, anonymousClient) = (pair("client"), pair("anonymous"))
    try await make(root, "/CN=tests")
    try await make(other, "/CN=others")
    let loopback = isForLoopback ? ["DNS:localhost", "IP:127.0.0.1", "IP:::1"] : ["DNS:elsewhere.example"]
    let names = ["-addext", "subjectAltName=" + (loopback + addresses.map { "IP:\($0)" }).joined(separator: ",")]
    func signed(_ usage: String) -> [String] {
      [
        "-CA", root.certificate, "-CAkey", root.key, "-addext", "basicConstraints=critical,CA:false", "-addext",
        "extendedKeyUsage=\(usage)",
      ]
    }
    try await make(server, "/CN=member", signed("serverAuth,clientAuth") + names)
    try await make(serverOnly, "/CN=member", signed("serverAuth") + names)
    try await make(client, "/CN=client", signed("clientAuth"))
    try await make(anonymousClient, "/O=client", signed("clientAuth"))
  }

  deinit { try? FileManager.default.removeItem(at: folder) }
}
