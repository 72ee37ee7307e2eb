import ControlAPI
import FlowFakes
import LibvirtXML
import PoolFlows
import PoolModel
import Testing

@testable import Fleet

@Suite(.timeLimit(.minutes(2))) struct FleetQueryTests {
  @Test func statusSumsUp() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      #expect(await a.start(FakeLibvirt.guest(1, networks: ["spread", "spread"])) == nil)
      #expect(await b.start(FakeLibvirt.guest(2, networks: ["spread"])) == nil)
      try await eventually("all is told") {
        fleet.pool("spread", "a")?.leased == 2 && fleet.pool("spread", "b")?.leased == 1
      }
      let status = await b.agent.status()
      #expect((status.host, status.connected, status.pending) == ("b", true, 0))
      #expect(status.hosts.map(\.host) == ["a", "b"])
      #expect(status.hosts.map(\.leased) == [2, 1])
      #expect(status.pools == [FleetPoolRow(pool: "spread", hosts: 2, total: 28, free: 25, leased: 3, others: 0)])
      #expect(status.members.count == 1)
      let text = JSONText(status).compact
      #expect(text.contains(#""why":null"#))
    }
  }

  @Test func findsByMACAndByGuest() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      let guest = FakeLibvirt.guest(1, networks: ["spread"])
      let mac = try #require(guest.nics[0].mac)
      #expect(await a.start(guest) == nil)
      try await eventually("it is told") { fleet.binding(mac) != nil }
      for rows in [
        try await b.agent.find(mac: mac), try await b.agent.find(guest: "g1"),
        try await b.agent.find(guest: guest.guest.uuid.uppercased()),
      ] {
        #expect(rows.map(\.host) == ["a"])
        #expect(rows.allSatisfy { $0.bound && $0.live && $0.mac == mac && $0.pool == "spread" })
      }
      await a.stop(guest)
      try await eventually("it isn't live any more") { try await b.agent.find(mac: mac).first?.live == false }
      #expect(try await b.agent.find(mac: MACAddress(value: 1)).isEmpty)
      #expect(try await b.agent.find(guest: "nobody").isEmpty)
    }
  }

  /// Of a VF that is in no pool nothing is bound.
  @Test func findsWhatRunsWithoutABinding() async throws {
    try await FleetOfFakes.pair(netdefs: [FakeHost.sticky]) { fleet, a, b in
      var guest = FakeLibvirt.guest(1, networks: ["sticky", "sticky"])
      try await a.host.kernel.setVFCount(2, pf: "enp2s0")
      guest.nics[1].source = .hostdev(a.host.kernel.pci("enp2s0", 1))
      let macs = guest.nics.compactMap(\.mac)
      #expect(await a.start(guest) == nil)
      try await eventually("both are told") { macs.allSatisfy { fleet.live($0) == ["a"] } }
      try await eventually("the pool's is bound") { fleet.binding(macs[0]) != nil }
      #expect(fleet.binding(macs[1]) == nil)
      for name in ["g1", guest.guest.uuid] {
        try await eventually("both are found") { try await b.agent.find(guest: name).map(\.mac) == macs.sorted() }
        #expect(try await b.agent.find(guest: name).allSatisfy { $0.live && $0.bound == ($0.mac == macs[0]) })
      }
      await a.stop(guest)
      try await eventually("the other is gone") { try await b.agent.find(guest: "g1").map(\.mac) == [macs[0]] }
      #expect(!fleet.server.entries.keys.contains { $0.hasPrefix(fleet.keys.all(.runners)) })
    }
  }

  @Test func placesWhereThereIsRoom() async throws {
    try await FleetOfFakes.pair(netdefs: [FakeHost.sticky]) { fleet, a, b in
      #expect(await a.start(FakeLibvirt.guest(1, networks: Array(repeating: "sticky", count: 3))) == nil)
      try await eventually("it is told") { fleet.pool("sticky", "a")?.leased == 3 }
      // Packed: the host with the fewest that suffice.
      #expect(try await b.agent.place(pool: "sticky", count: 4).map(\.host) == ["a", "b"])
      let tight = try await b.agent.place(pool: "sticky", count: 5)
      #expect(tight.map(\.host) == ["b", "a"])
      #expect(tight.map(\.rank) == [1, nil])
      #expect(tight[1].why == "4 of 7 VFs are free")
      await #expect(throws: FlowError.self) { try await b.agent.place(pool: "none", count: 1) }
    }
  }

  @Test func eventsTellWhatHappens() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      let events = try await b.agent.events()
      let guest = FakeLibvirt.guest(1, networks: ["spread"])
      #expect(await a.start(guest) == nil)
      var seen: Set<FleetEventRow.Kind> = []
      for try await event in events {
        seen.insert(event.kind)
        if event.kind == .macLive { #expect(event.message.hasPrefix("guest g1 runs on a with MAC ")) }
        if seen.isSuperset(of: [.macLive, .macBound, .poolChanged]) { break }
      }
    }
  }

  @Test func awayItSaysSo() async throws {
    try await FleetOfFakes.pair { _, a, _ in
      a.store.cut(true)
      try await eventually("a is away") { !a.isIn }
      let status = await a.agent.status()
      #expect(!status.connected && status.hosts.isEmpty)
      #expect(status.why == "etcd can't be reached")
      let error = await #expect(throws: FlowError.self) { try await a.agent.find(guest: "x") }
      #expect(error?.message == "the fleet can't be asked: etcd can't be reached")
    }
  }

  @Test func keysAreReadAsTheyAreWritten() throws {
    let keys = FleetKeys(prefix: "/site")
    let mac = MACAddress(value: 0x5254_0000_0001)
    #expect(keys.live(mac, "host") == "/site/v1/live/52:54:00:00:00:01/host")
    #expect(keys.parse(keys.live(mac, "host"))?.words == ["\(mac)", "host"])
    #expect(keys.parse(keys.byName("a/b", mac))?.words == ["a/b", "\(mac)"])
    #expect(keys.parse(keys.netdef("spread"))?.kind == .netdefs)
    #expect(keys.parse(keys.unbound(mac, since: nil))?.words == ["\(mac)", "0"])
    #expect(keys.parse("/other/v1/hosts/a") == nil)
    #expect(keys.parse("/site/v1/nonsense/a") == nil)
  }
}
