import Etcd
import EtcdCluster
import Testing

extension FaultTests {
  /// Members on hosts of their own, between which the network breaks. Needs root.
  @Suite(.enabled(if: TestNetwork.isPossible, "network namespaces are for root, and need iproute2"))
  struct PartitionTests {
    private func withCluster<Value>(
      _ body: (EtcdCluster, TestNetwork, EtcdClient) async throws -> Value
    ) async throws -> Value {
      let network = try await TestNetwork(hosts: 3)
      let certificates = try await TestCertificates(addresses: (0..<3).map(network.address))
      var options = EtcdCluster.Options(members: 3)
      options.network = network
      options.certificates = certificates
      let cluster = try await EtcdCluster(options)
      return try await cluster.withClient({ configuration in
        configuration.certificateAuthority = certificates.authority
        configuration.watchProbeInterval = .seconds(30)
      }) { try await body(cluster, network, $0) }
    }

    private func member(_ watch: Watch, _ etcd: EtcdClient, isNot other: Int? = nil) async throws -> Int {
      try await eventually(.seconds(15)) {
        guard case .connected(let endpoint) = watch.connection,
          let index = etcd.configuration.endpoints.firstIndex(of: endpoint), index != other
        else { throw Unexpected("\(watch.connection)") }
        return index
      }
    }

    /// The member itself answers all the time, but can't know what the others do.
    @Test func whoseMemberIsCutOffFromTheMajorityGoesToAnother() async throws {
      try await withCluster { cluster, network, etcd in
        let key = ByteString(freshPrefix())
        let revision = try await etcd.range(.key(key)).revision
        let watch = etcd.watch([.key(key)], after: revision)
        let cut = try await member(watch, etcd)
        try await network.cutOff(cut)
        // Nothing is asked meanwhile: the member ends the watch by itself.
        let start = ContinuousClock.now
        let now = try await member(watch, etcd, isNot: cut)
        #expect(ContinuousClock.now - start < .seconds(15))
        #expect(now != cut)
        let made = try await eventually(.seconds(10)) { try await etcd.commit(.create(key, "1"), isRepeatable: true) }
        #expect(made.succeeded)
        let batch = try await within(.seconds(5)) { try await watch.first { _ in true } }
        #expect(batch?.revision == made.revision)
        let status = try await etcd.status(of: etcd.configuration.endpoints[cut])
        #expect(status.leader == nil, "\(status)")
        try await network.join(cut)
        try await cluster.waitUntilHealthy()
        #expect(try await etcd.status(of: etcd.configuration.endpoints[cut]).leader != nil)
      }
    }

    @Test func aHostThatVanishesIsLeftBehind() async throws {
      try await withCluster { cluster, network, etcd in
        let key = ByteString(freshPrefix())
        let revision = try await etcd.range(.key(key)).revision
        let watch = etcd.watch([.key(key)], after: revision)
        let gone = try await member(watch, etcd)
        try await network.unplug(gone)
        let start = ContinuousClock.now
        let made = try await eventually(.seconds(10)) { try await etcd.commit(.create(key, "1"), isRepeatable: true) }
        #expect(made.succeeded || made.isRepeat)
        #expect(ContinuousClock.now - start < .seconds(8))
        let batch = try await within(.seconds(15)) { try await watch.first { _ in true } }
        #expect(batch?.events.map(\.key) == [key])
        // A new connection to it is not made either, and nothing is sent then.
        let error = await #expect(throws: EtcdError.self) {
          try await etcd.status(of: etcd.configuration.endpoints[gone])
        }
        if case .unreachable = error {} else { Issue.record("\(String(describing: error))") }
        try await network.plug(gone)
        _ = try await eventually(.seconds(10)) { try await etcd.status(of: etcd.configuration.endpoints[gone]) }
      }
    }
  }
}
