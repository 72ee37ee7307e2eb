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
  /// What hosts share, while all goes well.
  @Suite struct SharingTests {
    private static let mac = MACAddress(value: 0x5254_0000_0042)

    @Test func threeHostsShareOneSpace() async throws {
      try await Site.withThree { site, hosts in
        let (a, b, c) = (hosts[0], hosts[1], hosts[2])
        #expect(await a.start(guest(1, Self.mac)) == nil)
        #expect(await b.start(guest(2, Self.mac))?.contains("which guest g1 uses on host a (pool spread)") == true)
        #expect(try await site.live(Self.mac) == ["a"])
        try await eventually("it is found") { try await c.agent.find(guest: "g1").map(\.host) == ["a"] }
        // It moves, and both have it meanwhile.
        await b.manager.incoming(guest(1, Self.mac).guest)
        #expect(await b.start(guest(1, Self.mac)) == nil)
        #expect(try await site.live(Self.mac) == ["a", "b"])
        await a.stop(guest(1, Self.mac))
        try await eventually("it has moved") { try await site.live(Self.mac) == ["b"] }
        try await eventually("and its binding with it") { try await c.agent.find(mac: Self.mac).map(\.host) == ["b"] }
        #expect(await c.agent.status().hosts.map(\.host) == ["a", "b", "c"])
        try await eventually("its VFs are counted") { await c.agent.status().pools.first?.leased == 1 }
        #expect(try await c.agent.place(pool: "spread", count: 14).map(\.host) == ["a", "c", "b"])
      }
    }

    @Test func netdefsGoToAll() async throws {
      try await Site.withThree { site, hosts in
        let changed = FakeHost.spread.replacing("policy=\"spread\"", with: "policy=\"spread\" quota=\"2\"")
        let plan = try await hosts[1].agent.plan([changed], on: nil)
        #expect(plan.hosts.map(\.failure) == [nil, nil, nil])
        let tokens = Dictionary(uniqueKeysWithValues: plan.hosts.map { ($0.host, $0.plans.map(\.token)) })
        let done = try await hosts[1].agent.apply([("spread", changed)], on: nil, tokens: tokens)
        #expect(done.hosts.map(\.failure) == [nil, nil, nil])
        for host in hosts {
          #expect(await host.manager.contentsNow().pools["spread"]?.placement.quota == 2)
        }
        #expect(
          try await !site.cluster.control("get", "--prefix", "--keys-only", site.keys.all(.requests)).contains("/"))
      }
    }

    @Test func eventsOfTheFleet() async throws {
      try await Site.withThree { _, hosts in
        let events = try await hosts[2].agent.events()
        #expect(await hosts[0].start(guest(1)) == nil)
        var seen: Set<FleetEventRow.Kind> = []
        for try await event in events {
          seen.insert(event.kind)
          if seen.isSuperset(of: [.macLive, .macBound, .poolChanged]) { break }
        }
        await hosts[0].stop(guest(1))
        for try await event in events where event.kind == .macIdle {
          #expect(event.message.hasPrefix("guest g1 no longer runs on a with MAC"))
          break
        }
      }
    }
  }
}
