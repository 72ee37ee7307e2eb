import Etcd
import EtcdCluster
import Testing

extension ServerTests {
  @Suite struct AuthenticationTests {
    private static let root = "root:r00t"

    /// A cluster where `vfpool` with the password `secret` may read and write what begins with `/vfpool/`.
    private func cluster(arguments: [String] = []) async throws -> EtcdCluster {
      let cluster = try await EtcdCluster(.init(arguments: arguments))
      try await cluster.control("user", "add", Self.root)
      try await cluster.control("user", "grant-role", "root", "root")
      try await cluster.control("role", "add", "vfpool")
      try await cluster.control("role", "grant-permission", "--prefix=true", "vfpool", "readwrite", "/vfpool/")
      try await cluster.control("user", "add", "vfpool:secret")
      try await cluster.control("user", "grant-role", "vfpool", "vfpool")
      try await cluster.control("auth", "enable")
      return cluster
    }

    private func withClient<Value>(
      _ cluster: EtcdCluster, _ user: EtcdConfiguration.User? = .init(name: "vfpool", password: "secret"),
      _ body: (EtcdClient) async throws -> Value
    ) async throws -> Value {
      try await cluster.withClient(
        { configuration in
          configuration.user = user
          configuration.requestTimeout = .seconds(10)
        }, body)
    }

    private func next(_ watch: Watch) async throws -> WatchEvent? {
      try await within(.seconds(15)) { try await watch.first { _ in true }?.events.first }
    }

    @Test func onlyWhoMayDoesWhatHeMay() async throws {
      let cluster = try await cluster()
      try await withClient(cluster, .init(name: "vfpool", password: "wrong")) { etcd in
        await #expect(throws: EtcdError.unauthorized("etcd doesn't know this user with this password")) {
          try await etcd.put("/vfpool/a", "1")
        }
        await #expect(throws: EtcdError.unauthorized("etcd doesn't know this user with this password")) {
          try await next(etcd.watch([.key("/vfpool/a")], after: 1))
        }
      }
      _ = try await withClient(cluster, .init(name: "nobody", password: "secret")) { etcd in
        await #expect(throws: EtcdError.unauthorized("etcd doesn't know this user with this password")) {
          try await etcd.put("/vfpool/a", "1")
        }
      }
      try await withClient(cluster, nil) { etcd in
        let error = await #expect(throws: EtcdError.self) { try await etcd.put("/vfpool/a", "1") }
        #expect(error == .unauthorized("etcd wants a user and password (user name is empty)"))
        let watching = await #expect(throws: EtcdError.self) {
          try await next(etcd.watch([.key("/vfpool/a")], after: 1))
        }
        // 3.5.1 doesn't tell one from the other.
        #expect(
          watching == error || watching == .permissionDenied("watching /vfpool/a"), "\(String(describing: watching))")
      }
      try await withClient(cluster) { etcd in
        let made = try await etcd.commit(.create("/vfpool/a", "1"))
        #expect(made.succeeded)
        await #expect(throws: EtcdError.permissionDenied("writing /other")) { try await etcd.put("/other", "1") }
        await #expect(throws: EtcdError.permissionDenied("reading /…")) { try await etcd.range(.prefix("/")) }
        await #expect(throws: EtcdError.permissionDenied("watching /other")) {
          try await next(etcd.watch([.key("/other")], after: 1))
        }
        let lease = try await etcd.grantLease(seconds: 60).id
        try await etcd.put("/vfpool/b", "1", lease: lease)
        #expect(try await etcd.keepAlive(lease) == 60)
        #expect(try await next(etcd.watch([.key("/vfpool/a")], after: made.revision - 1))?.revision == made.revision)
        #expect(try await etcd.revoke(lease))
        #expect(try await etcd.count(.prefix("/vfpool/")) == 1)
      }
    }

    @Test func aTokenThatHasExpiredIsReplaced() async throws {
      let cluster = try await cluster(arguments: ["--auth-token-ttl", "1"])
      try await withClient(cluster) { etcd in
        try await etcd.put("/vfpool/a", "1")
        let revision = try await etcd.range(.key("/vfpool/a")).revision
        try await Task.sleep(for: .milliseconds(2500))
        // The watch is the first to use it.
        let watch = etcd.watch([.key("/vfpool/a")], after: revision - 1)
        #expect(try await next(watch)?.revision == revision)
      }
    }

    @Test func aTokenIsReplacedAfterARestart() async throws {
      let cluster = try await cluster()
      try await withClient(cluster) { etcd in
        try await etcd.put("/vfpool/a", "1")
        let revision = try await etcd.range(.key("/vfpool/a")).revision
        let watch = etcd.watch([.key("/vfpool/a")], after: revision)
        try await eventually(.seconds(5)) {
          guard case .connected = watch.connection else { throw Unexpected("\(watch.connection)") }
        }
        cluster.kill(0)
        try cluster.start(0)
        _ = try await eventually(.seconds(10)) { try await etcd.put("/vfpool/a", "2") }
        #expect(try await next(watch)?.revision == revision + 1)
      }
    }

    @Test func authenticationIsTurnedOffAndOn() async throws {
      let cluster = try await cluster()
      try await withClient(cluster) { etcd in
        try await etcd.put("/vfpool/a", "1")
        try await cluster.control("auth", "disable", user: Self.root)
        try await etcd.put("/vfpool/a", "2")
        try await etcd.put("/other", "2")
        try await cluster.control("auth", "enable")
        try await etcd.put("/vfpool/a", "3")
        await #expect(throws: EtcdError.permissionDenied("writing /other")) { try await etcd.put("/other", "3") }
      }
      try await cluster.control("auth", "disable", user: Self.root)
      try await withClient(cluster) { etcd in
        // It has never had a token.
        try await etcd.put("/other", "4")
        try await cluster.control("auth", "enable")
        await #expect(throws: EtcdError.permissionDenied("writing /other")) { try await etcd.put("/other", "5") }
        let revision = try await etcd.range(.key("/vfpool/a")).revision
        let watch = etcd.watch([.key("/vfpool/a")], after: revision)
        try await etcd.put("/vfpool/a", "6")
        #expect(try await next(watch)?.revision == revision + 1)
      }
    }
  }
}
