import ControlAPI
import FlowFakes
import LibvirtXML
import PoolFlows
import PoolModel
import Testing

@testable import Fleet

@Suite(.timeLimit(.minutes(2))) struct LiveMACTests {
  private static let mac = MACAddress(value: 0x5254_0000_0042)
  private static func guest(_ number: Int) -> GuestDescription {
    FakeLibvirt.guest(number, networks: ["spread"], mac: mac)
  }

  @Test func whatRunsIsToldAndWhatEndsIsTakenBack() async throws {
    try await FleetOfFakes.pair { fleet, a, _ in
      #expect(await a.start(Self.guest(1)) == nil)
      #expect(fleet.live(Self.mac) == ["a"])
      try await eventually("the binding is told") { fleet.binding(Self.mac)?.guest.name == "g1" }
      try await eventually("the pool is told") { fleet.pool("spread", "a")?.leased == 1 }
      let record = try #require(fleet.server[fleet.keys.live(Self.mac, "a")])
      #expect(RecordText.record(LiveRecord.self, record)?.pool == "spread")
      await a.stop(Self.guest(1))
      try await eventually("the MAC isn't live any more") { fleet.live(Self.mac).isEmpty }
      #expect(fleet.binding(Self.mac)?.host == "a")
      try await eventually("the VF is free") { fleet.pool("spread", "a")?.free == 14 }
    }
  }

  @Test func aMACThatIsLiveElsewhereIsRefusedWithHostAndGuest() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      #expect(await a.start(Self.guest(1)) == nil)
      #expect(
        await b.start(Self.guest(2))
          == "pool spread: guest g2 has MAC \(Self.mac), which guest g1 uses on host a (pool spread); "
          + "give one of them another MAC")
      #expect(fleet.live(Self.mac) == ["a"])
      await a.stop(Self.guest(1))
      try await eventually("it can be started then") { await b.start(Self.guest(2)) == nil }
      #expect(fleet.live(Self.mac) == ["b"])
    }
  }

  @Test func aPoolThatOnlyWarnsLetsItStartAndBothHostsTell() async throws {
    let warning = FakeHost.spread.replacing("urn:vfpool:pool:1\"", with: "urn:vfpool:pool:1\" macConflict=\"warn\"")
    try await FleetOfFakes.pair(netdefs: [warning]) { fleet, a, b in
      #expect(await a.start(Self.guest(1)) == nil)
      #expect(await b.start(Self.guest(2)) == nil)
      #expect(b.host.log.lines.contains { $0.contains("which guest g1 uses on host a") })
      try await eventually("both are told") { fleet.live(Self.mac) == ["a", "b"] }
      let text = "MAC \(Self.mac) of guest g2 is live on host a, too, with guest g1"
      try await eventually("status tells it") { await b.manager.view().problems.contains(text) }
      let told = "MAC \(Self.mac) of guest g1 is live on host b, too, with guest g2"
      try await eventually("on the other host, too") { a.agent.problems.contains(told) }
      #expect(await a.agent.status().clashes.map(\.otherGuest) == ["g2"])
      await a.stop(Self.guest(1))
      try await eventually("and no longer then") {
        b.agent.contentsChanged()
        return !b.agent.problems.contains(text)
      }
    }
  }

  @Test func theSameGuestOnTwoHostsIsRefused() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      #expect(await a.start(Self.guest(1)) == nil)
      let refusal = await b.start(Self.guest(1))
      #expect(refusal?.hasSuffix("uses on host a (pool spread); it is the same guest: stop it there") == true)
      #expect(fleet.live(Self.mac) == ["a"])
    }
  }

  @Test func theSameGuestOnTwoHostsWhileOneWasAwayIsTold() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      a.store.cut(true)
      try await eventually("a is away") { !a.isIn }
      #expect(await a.start(Self.guest(1)) == nil)
      #expect(await b.start(Self.guest(1)) == nil)
      a.store.cut(false)
      let text = "MAC \(Self.mac) of guest g1 is live on host b, too, with guest g1"
      try await eventually("it is told") { a.agent.problems.contains(text) }
      try await eventually("on the other host, too") {
        b.agent.problems.contains("MAC \(Self.mac) of guest g1 is live on host a, too, with guest g1")
      }
    }
  }

  @Test func duringAMigrationBothHaveIt() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      #expect(await a.start(Self.guest(1)) == nil)
      await b.manager.incoming(Self.guest(1).guest)
      #expect(await b.start(Self.guest(1)) == nil)
      #expect(fleet.live(Self.mac) == ["a", "b"])
      // The binding is where the guest goes, and neither host keeps taking it from the other.
      try await eventually("the binding has followed") { fleet.binding(Self.mac)?.host == "b" }
      try await eventually("a knows") { await a.agent.knowsAsShared(Self.mac) }
      try await Task.sleep(for: .milliseconds(300))
      let requests = fleet.server.requests
      try await Task.sleep(for: .milliseconds(300))
      #expect(fleet.server.requests == requests)
      // Meanwhile nobody else gets it, and neither host complains.
      let c = try await fleet.member("c")
      try await eventually("c is in") { c.isIn }
      #expect(await c.start(Self.guest(3)) != nil)
      #expect(a.agent.problems.isEmpty && b.agent.problems.isEmpty)
      await a.stop(Self.guest(1))
      try await eventually("one host is left") { fleet.live(Self.mac) == ["b"] }
      try await eventually("the binding has followed") { fleet.binding(Self.mac)?.host == "b" }
      await c.leave()
    }
  }

  @Test func aGuestThatIsMovedWhileItIsOffStartsAtOnce() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      for _ in 0..<5 {
        for host in [a, b] {
          #expect(await host.start(Self.guest(1)) == nil)
          try await eventually("its binding follows") { fleet.binding(Self.mac)?.host == host.name }
          await host.stop(Self.guest(1))
        }
      }
      try await eventually("nothing is in conflict") { a.agent.problems.isEmpty && b.agent.problems.isEmpty }
    }
  }

  @Test func withoutTheStoreGuestsStart() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      a.store.cut(true)
      try await eventually("a is away") { !a.isIn }
      #expect(await a.start(Self.guest(1)) == nil)
      #expect(a.agent.problems.first?.contains("etcd can't be reached; guests start with what this host knows") == true)
      #expect(fleet.live(Self.mac).isEmpty)
      a.store.cut(false)
      try await eventually("what was missed is told") { fleet.live(Self.mac) == ["a"] }
      #expect(await b.start(Self.guest(2)) != nil)
    }
  }

  /// A server that wakes up does what it was asked for, when nobody waits for it any more.
  @Test func whatGotNoAnswerIsNotDoneLater() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      let guest = Self.guest(1).guest
      a.store.fallAsleep()
      let found = await a.agent.claim(
        [Self.mac: .init(guest: guest, pool: "spread", vlan: nil)], for: guest, isIncoming: false,
        within: .milliseconds(100))
      #expect(found.isEmpty)
      let late = a.store.wakeUp()
      #expect(!late.isEmpty)
      a.agent.settled(guest)
      try await eventually("it is not doubtful any more") { await a.agent.written.doubtful.isEmpty }
      fleet.server.doLate(late)
      #expect(fleet.live(Self.mac).isEmpty)
      #expect(await a.start(Self.guest(1)) == nil)
      #expect(fleet.live(Self.mac) == ["a"])
    }
  }

  /// No claim waits for longer than it may for another one's to be cleared up.
  @Test func aClaimThatGotNoAnswerHoldsNoOtherUp() async throws {
    try await FleetOfFakes.pair { _, a, _ in
      let (first, second) = (Self.guest(1).guest, Self.guest(2).guest)
      let live = FleetShare.Live(guest: first, pool: "spread", vlan: nil)
      a.store.fallAsleep()
      _ = await a.agent.claim([Self.mac: live], for: first, isIncoming: false, within: .milliseconds(50))
      a.agent.settled(first)
      try await eventually("the fence is being moved") { await a.agent.isMovingFence }
      let begin = ContinuousClock.now
      _ = await a.agent.claim(
        [MACAddress(value: 0x5254_0000_0077): live], for: second, isIncoming: false, within: .milliseconds(200))
      #expect(ContinuousClock.now - begin < .seconds(10))
      _ = a.store.wakeUp()
    }
  }

  @Test func whatAnEarlierStayAskedForIsNotDoneLater() async throws {
    let fleet = FleetOfFakes()
    let a = try await fleet.member("a", heartbeat: 1)
    try await eventually("a is in") { a.isIn }
    #expect(await a.start(Self.guest(1)) == nil)
    try await eventually("all is told") { await a.agent.pending == 0 }
    a.store.fallAsleep()
    await a.stop(Self.guest(1))
    let deletion = FleetTransaction.Step.delete(fleet.keys.live(Self.mac, "a"))
    try await eventually("it is asked for") { a.store.asked.contains { $0.then.contains(deletion) } }
    let first = await a.agent.lease
    fleet.server.expireAll()
    try await eventually("a is in again") { await a.agent.lease != first }
    // What comes with a lease fails with it; the rest must not be done either.
    let late = a.store.wakeUp().map { FleetTransaction(if: $0.conditions, then: [deletion]) }
    try await eventually("a is in for good") { await a.agent.pending == 0 && a.isIn }
    #expect(await a.start(Self.guest(1)) == nil)
    fleet.server.doLate(late)
    #expect(fleet.live(Self.mac) == ["a"])
    await a.leave()
  }

  @Test func aStoreThatDoesNotAnswerHoldsNoGuestUp() async throws {
    try await FleetOfFakes.pair { fleet, a, _ in
      a.store.hang(true)
      let begin = ContinuousClock.now
      let verdict = await a.manager.prepare(Self.guest(1), deadline: HookDeadline(in: .seconds(8)))
      #expect(verdict == .go)
      #expect(ContinuousClock.now - begin < .seconds(6))
      a.store.hang(false)
      try await eventually("it is told when it answers") { fleet.live(Self.mac) == ["a"] }
    }
  }

  /// The last answer counts, also when there is no time for another.
  @Test func aGuestThatRunsElsewhereIsRefusedHoweverLittleTimeThereIs() async throws {
    try await FleetOfFakes.pair { _, a, b in
      #expect(await a.start(Self.guest(1)) == nil)
      for milliseconds in stride(from: 500, through: 660, by: 16) {
        let found = await b.agent.claim(
          [Self.mac: .init(guest: Self.guest(1).guest, pool: "spread", vlan: nil)], for: Self.guest(1).guest,
          isIncoming: false, within: .milliseconds(milliseconds))
        #expect(found.map(\.host) == ["a"], "\(milliseconds) ms")
      }
    }
  }

  @Test func ofAPoolThatWarnsAndOneThatRefusesTheOtherMACIsTaken() async throws {
    let warning = FakeHost.sticky.replacing("urn:vfpool:pool:1\"", with: "urn:vfpool:pool:1\" macConflict=\"warn\"")
    let other = """
      <network>
        <name>other</name>
        <metadata><vfpool:pool xmlns:vfpool="urn:vfpool:pool:1"><vfpool:pf dev="enp2s0" vfs="7"/></vfpool:pool></metadata>
        <forward mode="hostdev" managed="yes"><driver name="vfio"/></forward>
      </network>
      """
    try await FleetOfFakes.pair(netdefs: [warning, other]) { fleet, a, b in
      #expect(await a.start(FakeLibvirt.guest(1, networks: ["sticky"], mac: Self.mac)) == nil)
      var both = FakeLibvirt.guest(2, networks: ["sticky", "other"])
      both.nics[0].mac = Self.mac
      let second = try #require(both.nics[1].mac)
      #expect(await b.manager.prepare(both, deadline: HookDeadline(in: .seconds(60))) == .go)
      #expect(fleet.live(second) == ["b"])
    }
  }

  @Test func aRefusedStartLeavesNothing() async throws {
    try await FleetOfFakes.pair { fleet, a, _ in
      let many = FakeLibvirt.guest(7, networks: Array(repeating: "spread", count: 15))
      #expect(await a.start(many) != nil)
      try await eventually("its MACs are free again") {
        !fleet.server.entries.keys.contains { $0.hasPrefix(fleet.keys.all(.live)) }
      }
    }
  }

  @Test func ofManyThatStartAtOnceOneGetsTheMAC() async throws {
    let fleet = FleetOfFakes()
    var members: [FleetOfFakes.Member] = []
    for name in ["a", "b", "c", "d"] { members.append(try await fleet.member(name)) }
    try await eventually("all are in") { members.allSatisfy(\.isIn) }
    for round in 0..<20 {
      let started = await withTaskGroup(of: Int?.self) { tasks in
        for (place, member) in members.enumerated() {
          let (libvirt, manager) = (member.host.libvirt, member.manager)
          let guest = Self.guest(10 + place)
          tasks.addTask { await libvirt.start(guest, manager) == nil ? place : nil }
        }
        var places: [Int] = []
        for await place in tasks { if let place { places.append(place) } }
        return places
      }
      #expect(started.count == 1, "round \(round)")
      for place in started { await members[place].stop(Self.guest(10 + place)) }
      try await eventually("it is free again") { fleet.live(Self.mac).isEmpty }
    }
    for member in members { await member.leave() }
  }

  @Test func aHostThatVanishesLosesItsLiveMACsAndKeepsItsBindings() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      #expect(await a.start(Self.guest(1)) == nil)
      try await eventually("it is bound") { fleet.binding(Self.mac) != nil }
      await a.leave()
      a.store.cut(true)
      fleet.server.expireAll()
      #expect(fleet.live(Self.mac).isEmpty)
      #expect(fleet.binding(Self.mac)?.guest.name == "g1")
    }
  }

  @Test func aLeaseThatHasEndedIsNoticedAndAllIsWrittenAnew() async throws {
    let fleet = FleetOfFakes()
    let a = try await fleet.member("a", heartbeat: 1)
    try await eventually("a is in") { a.isIn }
    #expect(await a.start(Self.guest(1)) == nil)
    fleet.server.expireAll()
    #expect(fleet.live(Self.mac).isEmpty)
    try await eventually("all is there again") {
      fleet.live(Self.mac) == ["a"] && fleet.pool("spread", "a") != nil && fleet.server[fleet.keys.host("a")] != nil
    }
    await a.leave()
  }

  @Test func vfpooldsRestartLeavesNoGap() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      #expect(await a.start(Self.guest(1)) == nil)
      let old = try #require(await a.agent.lease)
      await a.leave()
      #expect(await b.start(Self.guest(2)) != nil)
      let agent = fleet.agent("a", a.store)
      let manager = try await a.host.restarted(fleet: agent)
      let task = Task { await agent.run(manager) }
      try await eventually("it is in again") { if case .connected = agent.connection { true } else { false } }
      fleet.server.expire(old)
      #expect(fleet.live(Self.mac) == ["a"])
      #expect(fleet.server[fleet.keys.host("a")] != nil)
      task.cancel()
      await task.value
    }
  }

  @Test func twoHostsOfOneNameAreToldApart() async throws {
    try await FleetOfFakes.pair { fleet, a, _ in
      let other = try await fleet.member("a", machine: "another")
      try await eventually("it is told") {
        other.agent.problems.first?.contains("another host of the fleet is called a") == true
      }
      #expect(a.isIn && !other.isIn)
      await other.leave()
    }
  }

  @Test func aHostAtRestAsksOnlyForItsLease() async throws {
    try await FleetOfFakes.pair { fleet, a, _ in
      #expect(await a.start(Self.guest(1)) == nil)
      try await eventually("the pool is told") { fleet.pool("spread", "a")?.leased == 1 }
      try await Task.sleep(for: .milliseconds(300))
      let before = fleet.server.requests
      try await Task.sleep(for: .seconds(1))
      #expect(fleet.server.requests == before)
    }
  }

  @Test func aFullStoreIsSaid() async throws {
    try await FleetOfFakes.pair { fleet, a, _ in
      fleet.server.fill(true)
      #expect(await a.start(Self.guest(1)) == nil)
      try await eventually("it is told") { a.agent.problems.first?.contains("database space exceeded") == true }
      fleet.server.fill(false)
      try await eventually("and made good") { fleet.live(Self.mac) == ["a"] && a.agent.problems.isEmpty }
    }
  }
}
