import ControlAPI
import Etcd
import EtcdCluster
import Fleet
import FlowFakes
import LibvirtXML
import Logging
import PoolFlows
import PoolModel
import Testing

extension SiteTests {
  /// What becomes of the fleet when etcd, the network or a host fails: guests start, and nothing is lost.
  @Suite struct FailureTests {
    @Test func theLeaderIsKilled() async throws {
      try await Site.withThree { site, hosts in
        let leader = try await site.cluster.leader()
        site.cluster.kill(leader)
        for (place, host) in hosts.enumerated() {
          let begin = ContinuousClock.now
          #expect(await host.manager.prepare(guest(place), deadline: HookDeadline(in: .seconds(8))) == .go)
          #expect(ContinuousClock.now - begin < .seconds(6))
        }
        for place in hosts.indices {
          let mac = try #require(guest(place).nics[0].mac)
          try await eventually("g\(place) is told") { try await site.live(mac) == [hosts[place].name] }
        }
        try site.cluster.start(leader)
        try await site.cluster.waitUntilHealthy()
        try await eventually("nothing is left to say") { await Site.areSettled(hosts) }
      }
    }

    @Test func allMembersStandStill() async throws {
      try await Site.withThree { site, hosts in
        for member in 0..<3 { site.cluster.pause(member) }
        let mac = try #require(guest(7).nics[0].mac)
        let begin = ContinuousClock.now
        #expect(await hosts[0].manager.prepare(guest(7), deadline: HookDeadline(in: .seconds(8))) == .go)
        #expect(ContinuousClock.now - begin < .seconds(6))
        try await eventually("it is said") { hosts.allSatisfy { !$0.isIn } }
        #expect(hosts[0].agent.problems.first?.contains("guests start with what this host knows") == true)
        // Away, a start waits for nobody.
        let second = ContinuousClock.now
        #expect(await hosts[0].manager.prepare(guest(8), deadline: HookDeadline(in: .seconds(8))) == .go)
        #expect(ContinuousClock.now - second < .seconds(1))
        for member in 0..<3 { site.cluster.resume(member) }
        try await eventually("all are in again") { hosts.allSatisfy(\.isIn) }
        try await eventually("what was missed is told") { try await site.live(mac) == ["a"] }
      }
    }

    @Test(.enabled(if: TestNetwork.isPossible, "network namespaces are for root, and need iproute2"))
    func aMemberIsCutOffFromTheMajority() async throws {
      let network = try await TestNetwork(hosts: 3)
      let certificates = try await TestCertificates(addresses: (0..<3).map(network.address))
      var options = EtcdCluster.Options(members: 3)
      options.network = network
      options.certificates = certificates
      let site = Site(cluster: try await EtcdCluster(options))
      var hosts: [Site.Host] = []
      for (place, name) in ["a", "b", "c"].enumerated() {
        hosts.append(
          try await site.host(name) { configuration in
            configuration.certificateAuthority = certificates.authority
            // Each asks a member of its own first.
            configuration.endpoints = Array(configuration.endpoints[place...] + configuration.endpoints[..<place])
            configuration.startsAnywhere = false
          })
      }
      try await eventually("all are in") { hosts.allSatisfy(\.isIn) }
      try await network.cutOff(0)
      let mac = MACAddress(value: 0x5254_0000_0077)
      #expect(await hosts[1].start(guest(1, mac)) == nil)
      try await eventually("a asks another, and refuses") {
        await hosts[0].fakes.libvirt.start(guest(2, mac), hosts[0].manager)?.contains("uses on host b") == true
      }
      try await network.join(0)
      try await eventually("all are in") { await Site.areSettled(hosts) }
      for host in hosts { await host.vanish() }
    }

    @Test func aFullDatabase() async throws {
      try await Site.withThree(.init(members: 1, arguments: ["--quota-backend-bytes", "\(4 << 20)"])) { site, hosts in
        let filler = try EtcdClient(
          EtcdConfiguration(endpoints: try site.cluster.endpoints.map { try EtcdEndpoint($0) }), log: .init(label: "x"))
        let value = ByteString([UInt8](repeating: 120, count: 200_000))
        do { for number in 0..<100 { try await filler.put("filler\(number)", value) } } catch {}
        #expect(await hosts[0].start(guest(1)) == nil)
        try await eventually("it is said") {
          hosts[0].agent.problems.first?.contains("etcd's database is full") == true
        }
        let revision = try await filler.range(.prefix("filler"), limit: 1).revision
        try await filler.delete(.prefix("filler"))
        try await site.cluster.control("compaction", "\(revision + 1)", "--physical")
        try await site.cluster.control("defrag")
        try await site.cluster.control("alarm", "disarm")
        let mac = try #require(guest(1).nics[0].mac)
        try await eventually("what was missed is told", seconds: 60) { try await site.live(mac) == ["a"] }
        await filler.shutdown()
      }
    }

    @Test func aHostVanishes() async throws {
      try await Site.withThree { site, hosts in
        let mac = try #require(guest(1).nics[0].mac)
        #expect(await hosts[0].start(guest(1)) == nil)
        try await eventually("it is bound") { try await hosts[1].agent.find(mac: mac).first?.bound == true }
        await hosts[0].vanish()
        #expect(await hosts[1].fakes.libvirt.start(guest(2, mac), hosts[1].manager) != nil)
        try await eventually("its MACs expire") { try await site.live(mac).isEmpty }
        #expect(try await hosts[1].agent.find(mac: mac).map(\.guest) == ["g1"])
        #expect(await hosts[1].agent.status().hosts.map(\.host) == ["b", "c"])
        #expect(await hosts[1].fakes.libvirt.start(guest(2, mac), hosts[1].manager) == nil)
      }
    }

    @Test func theStoreForgetsItsHistoryMeanwhile() async throws {
      try await Site.withThree { site, hosts in
        for member in 0..<3 { site.cluster.pause(member) }
        try await eventually("all are away") { hosts.allSatisfy { !$0.isIn } }
        for member in 0..<3 { site.cluster.resume(member) }
        try await site.cluster.waitUntilHealthy()
        let reading = try await hosts[0].client.range(.prefix("/"), limit: 1)
        _ = try? await site.cluster.control("compaction", "\(reading.revision)")
        try await eventually("all are in again") { hosts.allSatisfy(\.isIn) }
        let changed = FakeHost.spread.replacing("policy=\"spread\"", with: "policy=\"spread\" quota=\"3\"")
        _ = try await hosts[2].agent.apply([("spread", changed)], on: nil, tokens: [:])
        for host in hosts { #expect(await host.manager.contentsNow().pools["spread"]?.placement.quota == 3) }
      }
    }

    @Test func wrongCredentials() async throws {
      let site = Site(cluster: try await EtcdCluster())
      try await site.cluster.control("user", "add", "root:secret")
      try await site.cluster.control("user", "grant-role", "root", "root")
      try await site.cluster.control("auth", "enable")
      let wrong = try await site.host("a") { $0.user = .init(name: "root", password: "wrong") }
      try await eventually("it is said") { wrong.agent.problems.first?.contains("assword") == true }
      #expect(await wrong.start(guest(1)) == nil)
      let right = try await site.host("b") { $0.user = .init(name: "root", password: "secret") }
      try await eventually("it is in") { right.isIn }
      #expect(await right.start(guest(2)) == nil)
      #expect(try await right.agent.find(guest: "g1").isEmpty)
      await wrong.vanish()
      await right.vanish()
    }

    @Test func aHostsClockJumps() async throws {
      let site = Site(cluster: try await EtcdCluster())
      let (early, late) = (FakeClock(), FakeClock())
      let a = try await site.host("a", clock: early)
      let b = try await site.host("b", clock: late)
      try await eventually("both are in") { a.isIn && b.isIn }
      late.advance(seconds: 86_400 * 365)
      a.fakes.clock.advance(seconds: -86_400)
      let mac = MACAddress(value: 0x5254_0000_0055)
      #expect(await a.start(guest(1, mac)) == nil)
      #expect(await b.start(guest(2, mac)) != nil)
      // The lease's time isn't the clock's.
      try await Task.sleep(for: .seconds(7))
      #expect(a.isIn && b.isIn)
      #expect(try await site.live(mac) == ["a"])
      await a.vanish()
      await b.vanish()
    }
  }
}
