import Etcd
import EtcdCluster
import Foundation
import Testing

extension ServerTests {
  @Suite struct TLSTests {
    private func options(_ certificates: TestCertificates, wantsClients: Bool = false) -> EtcdCluster.Options {
      var options = EtcdCluster.Options()
      options.certificates = certificates
      options.wantsClientCertificates = wantsClients
      return options
    }

    /// A client that has little time.
    private func withClient(
      _ cluster: EtcdCluster, _ change: (inout EtcdConfiguration) throws -> Void = { _ in },
      _ body: (EtcdClient) async throws -> Void
    ) async throws {
      try await cluster.withClient(
        { configuration in
          configuration.requestTimeout = .milliseconds(500)
          try change(&configuration)
        }, body)
    }

    /// In words, of the only endpoint.
    private func whyUnreachable(_ etcd: EtcdClient) async throws -> String {
      let error = await #expect(throws: EtcdError.self) { try await etcd.put("a", "1") }
      guard case .unreachable(let attempts) = error, let attempt = attempts.first else {
        throw Unexpected("\(String(describing: error))")
      }
      return attempt.detail
    }

    @Test func onlyMembersOfTheAuthorityAreAsked() async throws {
      let certificates = try await TestCertificates()
      let cluster = try await EtcdCluster(options(certificates))
      try await cluster.withClient({ $0.certificateAuthority = certificates.authority }) { etcd in
        try await etcd.put("a", "1")
        let watch = etcd.watch([.key("a")], after: try await etcd.range(.key("a")).revision)
        try await etcd.put("a", "2")
        #expect(try await within(.seconds(5)) { try await watch.first { _ in true } }?.events.count == 1)
      }
      let port = cluster.endpoints[0].split(separator: ":").last ?? ""
      _ = try await cluster.withClient({ configuration in
        configuration.certificateAuthority = certificates.authority
        configuration.endpoints = [try EtcdEndpoint("https://localhost:\(port)")]
      }) { try await $0.put("a", "3") }
      try await withClient(cluster, { $0.certificateAuthority = certificates.otherAuthority }) { etcd in
        let why = try await whyUnreachable(etcd)
        #expect(why == "its certificate isn't one that the certificate authority has signed, or has expired")
      }
      // The system's authorities.
      try await withClient(cluster) { etcd in
        let why = try await whyUnreachable(etcd)
        #expect(why.contains("certificate authority"))
      }
    }

    @Test func aMemberHasToHaveTheNameThatIsAsked() async throws {
      let certificates = try await TestCertificates(isForLoopback: false)
      var options = options(certificates)
      // etcdctl would not find it healthy either.
      options.waits = false
      let cluster = try await EtcdCluster(options)
      let port = cluster.endpoints[0].split(separator: ":").last ?? ""
      for host in ["127.0.0.1", "localhost"] {
        try await withClient(
          cluster,
          { configuration in
            configuration.certificateAuthority = certificates.authority
            configuration.endpoints = [try EtcdEndpoint("https://\(host):\(port)")]
          }
        ) { etcd in
          try await eventually(.seconds(10)) {
            let why = try await whyUnreachable(etcd)
            if why != "its certificate is for another name or address" { throw Unexpected("\(host): \(why)") }
          }
        }
      }
    }

    @Test func aMemberThatWantsCertificatesGetsOne() async throws {
      let certificates = try await TestCertificates()
      let cluster = try await EtcdCluster(options(certificates, wantsClients: true))
      try await cluster.withClient({ configuration in
        configuration.certificateAuthority = certificates.authority
        configuration.clientCertificate = .init(
          certificate: certificates.client.certificate, key: certificates.client.key)
      }) { etcd in
        try await etcd.put("a", "1")
        #expect(try await etcd.range(.key("a")).count == 1)
      }
      try await withClient(cluster, { $0.certificateAuthority = certificates.authority }) { etcd in
        let why = try await whyUnreachable(etcd)
        #expect(why == "it doesn't accept this host's client certificate, or wants one")
      }
    }

    /// The gateway asks the member itself, with the member's certificate.
    @Test func aMemberWhoseCertificateIsNotForClientsCanNotWantThem() async throws {
      let certificates = try await TestCertificates()
      var options = options(certificates, wantsClients: true)
      options.serverCertificate = certificates.serverOnly
      // etcdctl doesn't use the gateway.
      let cluster = try await EtcdCluster(options)
      try await withClient(
        cluster,
        { configuration in
          configuration.certificateAuthority = certificates.authority
          configuration.clientCertificate = .init(
            certificate: certificates.client.certificate, key: certificates.client.key)
        }
      ) { etcd in
        let error = await #expect(throws: EtcdError.self) { try await etcd.range(.key("a")) }
        #expect(error?.description.contains("(clientAuth)") == true, "\(String(describing: error))")
      }
    }

    /// The gateway refuses a certificate with a common name, also with a token.
    @Test func passwordsBesideClientCertificates() async throws {
      let certificates = try await TestCertificates()
      let cluster = try await EtcdCluster(options(certificates, wantsClients: true))
      try await cluster.control("user", "add", "root:r00t")
      try await cluster.control("user", "grant-role", "root", "root")
      try await cluster.control("auth", "enable")
      for (pair, isTaken) in [(certificates.client, false), (certificates.anonymousClient, true)] {
        try await cluster.withClient({ configuration in
          configuration.certificateAuthority = certificates.authority
          configuration.clientCertificate = .init(certificate: pair.certificate, key: pair.key)
          configuration.user = .init(name: "root", password: "r00t")
        }) { etcd in
          do throws(EtcdError) {
            try await etcd.put("a", "1")
            #expect(isTaken)
          } catch {
            #expect(!isTaken && error.description.contains("(CN)"), "\(error)")
          }
        }
      }
    }

    @Test func certificatesAreReadAnewWhenTheyHaveChanged() async throws {
      let certificates = try await TestCertificates()
      let cluster = try await EtcdCluster(options(certificates))
      let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).pem")
      defer { try? FileManager.default.removeItem(at: file) }
      func write(_ path: String) throws {
        try Data(contentsOf: URL(fileURLWithPath: path)).write(to: file, options: .atomic)
      }
      try write(certificates.otherAuthority)
      try await cluster.withClient({ configuration in
        configuration.certificateAuthority = file.path
        configuration.requestTimeout = .seconds(1)
      }) { etcd in
        let why = try await whyUnreachable(etcd)
        #expect(why.contains("certificate authority"))
        try write(certificates.authority)
        try await etcd.put("a", "1")
        // What can't be read now doesn't take away what there was.
        try Data("nothing".utf8).write(to: file, options: .atomic)
        try await etcd.put("a", "2")
        try FileManager.default.removeItem(at: file)
        try await etcd.put("a", "3")
      }
    }

    @Test func filesThatAreOfNoUseAreNamedAtOnce() async throws {
      let certificates = try await TestCertificates()
      let empty = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).pem")
      try Data().write(to: empty)
      defer { try? FileManager.default.removeItem(at: empty) }
      func words(_ change: (inout EtcdConfiguration) -> Void) async throws -> String {
        var configuration = EtcdConfiguration(endpoints: [try EtcdEndpoint("https://localhost")])
        change(&configuration)
        let error = #expect(throws: EtcdError.self) { try EtcdClient(configuration, log: quiet) }
        guard case .misconfigured(let words) = error else { throw Unexpected("\(String(describing: error))") }
        return words
      }
      #expect(
        try await words { $0.certificateAuthority = "/nonexistent" }
          == "can't read etcd's certificate authority, /nonexistent: No such file or directory")
      #expect(try await words { $0.certificateAuthority = empty.path }.contains(empty.path))
      #expect(try await words { $0.certificateAuthority = certificates.server.key }.contains(certificates.server.key))
      #expect(
        try await words {
          $0.clientCertificate = .init(certificate: certificates.client.certificate, key: certificates.server.key)
        }.contains("the key of etcd's client certificate"))
      #expect(try await words { $0.endpoints = [] } == "no etcd endpoint is configured")
    }

    @Test func aMemberWithoutTLSIsTold() async throws {
      let cluster = try await EtcdCluster()
      try await withClient(
        cluster,
        { configuration in
          configuration.endpoints = [try EtcdEndpoint(cluster.endpoints[0].replacing("http:", with: "https:"))]
        }
      ) { etcd in
        let why = try await whyUnreachable(etcd)
        // Which of the two depends on what comes first.
        #expect(["no TLS with it: it may answer http:// only", "Connection reset by peer"].contains(why))
      }
    }
  }
}
