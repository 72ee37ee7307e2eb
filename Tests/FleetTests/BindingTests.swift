import ControlAPI
import FlowFakes
import LibvirtXML
import PoolFlows
import PoolModel
import Synchronization
import Testing

@testable import Fleet

@Suite(.timeLimit(.minutes(2))) struct BindingTests {
  private static let mac = MACAddress(value: 0x5254_0000_0042)

  private static func request(_ guest: String, _ mac: MACAddress? = mac) throws -> MACRequest {
    MACRequest(guest: guest, nic: NICName(pool: "spread", position: 0), mac: mac)
  }

  @Test func boundAndUnbound() async throws {
    try await FleetOfFakes.pair { fleet, a, _ in
      _ = try await a.manager.bindMAC(Self.request("db"))
      try await eventually("it is told") { fleet.binding(Self.mac)?.guest.name == "db" }
      #expect(fleet.server[fleet.keys.byName("db", Self.mac)] == "")
      _ = try await a.manager.unbindMACs(ofGuest: "db", nic: nil)
      try await eventually("it is taken back, and all its indexes") {
        !fleet.server.entries.keys.contains { $0.hasSuffix("/\(Self.mac)") }
      }
    }
  }

  @Test func whatIsBoundElsewhereIsRefused() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      _ = try await a.manager.bindMAC(Self.request("db"))
      try await eventually("it is told") { fleet.binding(Self.mac) != nil }
      let error = await #expect(throws: FlowError.self) { try await b.manager.bindMAC(Self.request("web")) }
      #expect(
        error?.message.hasPrefix("\(Self.mac) is bound to guest db (pool spread) on host a, so guest web") == true)
      // The same guest's may be bound on both.
      _ = try await b.manager.bindMAC(Self.request("db"))
    }
  }

  @Test func aRenamedGuestIsFoundByItsNewName() async throws {
    try await FleetOfFakes.pair { fleet, a, _ in
      var guest = FakeLibvirt.guest(1, networks: ["spread"], mac: Self.mac)
      #expect(await a.start(guest) == nil)
      try await eventually("it is told") { fleet.binding(Self.mac)?.guest.name == "g1" }
      await a.stop(guest)
      guest.guest.name = "renamed"
      #expect(await a.start(guest) == nil)
      try await eventually("the new name is told") { fleet.binding(Self.mac)?.guest.name == "renamed" }
      #expect(try await a.agent.find(guest: "g1").isEmpty)
      #expect(try await a.agent.find(guest: "renamed").map(\.mac) == [Self.mac])
    }
  }

  @Test func aGuestThatIsDefinedElsewhereKeepsItsMACs() async throws {
    try await FleetOfFakes.pair(netdefs: [FakeHost.keep]) { fleet, a, b in
      let guest = FakeLibvirt.guest(1, networks: ["keep"], mac: Self.mac)
      #expect(await a.start(guest) == nil)
      await a.stop(guest)
      try await eventually("it is told") { fleet.binding(Self.mac) != nil }
      await b.host.libvirt.define(
        FakeLibvirt.guest(1, networks: ["keep"], mac: MACAddress(value: 0x5254_0000_0099)), b.manager)
      #expect(try await b.host.libvirt.definition(of: guest.guest.uuid)?.nics.map(\.mac) == [Self.mac])
      #expect(await b.manager.contentsNow().bindings.values.map(\.mac) == [Self.mac])
    }
  }

  @Test func ofTwoBindingsMadeApartTheOlderStays() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      b.store.cut(true)
      try await eventually("b is away") { !b.isIn }
      // b's clock is behind, so its binding is older.
      _ = try await b.manager.bindMAC(Self.request("web"))
      a.host.clock.advance(seconds: 3600)
      _ = try await a.manager.bindMAC(Self.request("db"))
      try await eventually("a's is told") { fleet.binding(Self.mac)?.guest.name == "db" }
      b.store.cut(false)
      try await eventually("the older one takes its place") { fleet.binding(Self.mac)?.guest.name == "web" }
      let text =
        "MAC \(Self.mac) of guest db (pool spread) is bound to guest web on host b, which had it first; give db another one"
      try await eventually("the one that gave way is told") { a.agent.problems == [text] }
      #expect(b.agent.problems.isEmpty)
      let status = await a.agent.status()
      #expect(status.conflicts.map(\.guest) == ["db"])
      #expect(status.conflicts.map(\.winner) == ["web"])
      _ = try await b.manager.unbindMACs(ofGuest: "web", nic: nil)
      try await eventually("it gets it back then") {
        fleet.binding(Self.mac)?.guest.name == "db" && a.agent.problems.isEmpty
      }
      #expect(await a.agent.status().conflicts.isEmpty)
    }
  }

  @Test func theYoungerOneGivesWayWhenItComesLater() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      b.store.cut(true)
      try await eventually("b is away") { !b.isIn }
      b.host.clock.advance(seconds: 3600)
      _ = try await a.manager.bindMAC(Self.request("db"))
      try await eventually("a's is told") { fleet.binding(Self.mac)?.guest.name == "db" }
      _ = try await b.manager.bindMAC(Self.request("web"))
      b.store.cut(false)
      try await eventually("b is told") { b.agent.problems.contains { $0.contains("is bound to guest db on host a") } }
      #expect(fleet.binding(Self.mac)?.guest.name == "db")
      _ = try await b.manager.unbindMACs(ofGuest: "web", nic: nil)
      try await eventually("nothing is left of it") {
        b.agent.problems.isEmpty && fleet.server[fleet.keys.conflict(Self.mac, "b")] == nil
      }
    }
  }

  @Test func aConflictOutlivesARestart() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      b.store.cut(true)
      try await eventually("b is away") { !b.isIn }
      b.host.clock.advance(seconds: 3600)
      _ = try await a.manager.bindMAC(Self.request("db"))
      try await eventually("a's is told") { fleet.binding(Self.mac) != nil }
      _ = try await b.manager.bindMAC(Self.request("web"))
      b.store.cut(false)
      try await eventually("b is told") { !b.agent.problems.isEmpty && b.isIn }
      await b.leave()
      let agent = fleet.agent("b", b.store)
      let manager = try await b.host.restarted(fleet: agent)
      let task = Task { await agent.run(manager) }
      try await eventually("it is told again") { agent.problems.contains { $0.contains("is bound to guest db") } }
      task.cancel()
      await task.value
    }
  }

  @Test func whatWasUnboundWhileAwayIsTakenBack() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      for number in 0..<200 {
        _ = try await a.manager.bindMAC(
          Self.request("vm\(number)", MACAddress(value: 0x5254_0001_0000 | UInt64(number))))
      }
      try await eventually("all are told") { await a.agent.pending == 0 && fleet.server.entries.count > 600 }
      a.store.cut(true)
      try await eventually("a is away") { !a.isIn }
      for number in 0..<100 { _ = try await a.manager.unbindMACs(ofGuest: "vm\(number)", nic: nil) }
      a.store.cut(false)
      try await eventually("half are left") {
        fleet.server.entries.keys.count { $0.hasPrefix(fleet.keys.all(.bindings)) } == 100
      }
      #expect(fleet.server.entries.keys.count { $0.hasPrefix(fleet.keys.all(.owned, of: "a")) } == 100)
    }
  }

  /// Bound on a, and then where it was last, on b.
  private static func moved(_ fleet: FleetOfFakes, _ a: FleetOfFakes.Member, _ b: FleetOfFakes.Member) async throws {
    let guest = FakeLibvirt.guest(1, networks: ["spread"], mac: mac)
    for host in [a, b] {
      #expect(await host.start(guest) == nil)
      try await eventually("it is bound there") { fleet.binding(mac)?.host == host.name }
      await host.stop(guest)
    }
    try await eventually("a knows") { await a.agent.knowsAsShared(mac) }
  }

  /// Before it has heard that the guest runs there.
  @Test func whatIsUnboundElsewhereWhileItIsStillOnesOwnIsForgotten() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      let guest = FakeLibvirt.guest(1, networks: ["spread"], mac: Self.mac)
      #expect(await a.start(guest) == nil)
      try await eventually("it is bound there") { fleet.binding(Self.mac)?.host == "a" }
      await a.stop(guest)
      a.store.hold(true)
      #expect(await b.start(guest) == nil)
      try await eventually("it is bound there") { fleet.binding(Self.mac)?.host == "b" }
      await b.stop(guest)
      try await eventually("b is done") { await b.agent.pending == 0 }
      _ = try await b.manager.unbindMACs(ofGuest: "g1", nic: nil)
      try await eventually("it is told") { fleet.binding(Self.mac) == nil }
      a.store.hold(false)
      try await eventually("a forgets it") { await a.manager.contentsNow().bindings.isEmpty }
      #expect(fleet.binding(Self.mac) == nil)
    }
  }

  @Test func whatRunsHereIsBoundAnew() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      try await Self.moved(fleet, a, b)
      a.store.cut(true)
      try await eventually("a is away") { !a.isIn }
      #expect(await a.start(FakeLibvirt.guest(1, networks: ["spread"], mac: Self.mac)) == nil)
      _ = try await b.manager.unbindMACs(ofGuest: "g1", nic: nil)
      try await eventually("it is told") { fleet.binding(Self.mac) == nil }
      a.store.cut(false)
      try await eventually("it is bound anew") { fleet.binding(Self.mac)?.host == "a" }
      #expect(await a.manager.contentsNow().bindings.count == 1)
    }
  }

  @Test func aLedgerThatCannotBeWrittenKeepsTheHostInTheFleet() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      try await Self.moved(fleet, a, b)
      a.host.ledger.state.withLock { $0.fails = true }
      _ = try await b.manager.unbindMACs(ofGuest: "g1", nic: nil)
      try await eventually("it is told") { fleet.binding(Self.mac) == nil }
      try await eventually("a can't follow") { await !a.agent.retries.isEmpty }
      try await Task.sleep(for: .milliseconds(100))
      let requests = fleet.server.requests
      try await Task.sleep(for: .milliseconds(300))
      #expect(a.isIn && fleet.server.requests == requests)
      a.host.ledger.state.withLock { $0.fails = false }
      await a.agent.retryNow()
      try await eventually("a forgets it") { await a.manager.contentsNow().bindings.isEmpty }
      #expect(fleet.binding(Self.mac) == nil)
    }
  }

  @Test func whatIsUnboundElsewhereIsForgottenHere() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      try await Self.moved(fleet, a, b)
      _ = try await b.manager.unbindMACs(ofGuest: "g1", nic: nil)
      try await eventually("a forgets it") { await a.manager.contentsNow().bindings.isEmpty }
      #expect(fleet.binding(Self.mac) == nil)
      // Bound again, it stays.
      _ = try await a.manager.bindMAC(Self.request("g1"))
      try await eventually("it is told") { fleet.binding(Self.mac)?.host == "a" }
    }
  }

  @Test func whatWasUnboundElsewhereMeanwhileIsForgottenHere() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      try await Self.moved(fleet, a, b)
      a.store.cut(true)
      try await eventually("a is away") { !a.isIn }
      b.host.clock.advance(seconds: 60)
      _ = try await b.manager.unbindMACs(ofGuest: "g1", nic: nil)
      _ = try await b.manager.bindMAC(Self.request("db"))
      try await eventually("it is told") { fleet.binding(Self.mac)?.guest.name == "db" }
      a.store.cut(false)
      try await eventually("a forgets it") {
        let bindings = await a.manager.contentsNow().bindings
        return a.isIn && bindings.isEmpty
      }
      // The older one does not come first: it is none any more.
      #expect(fleet.binding(Self.mac)?.guest.name == "db")
      #expect(a.agent.problems.isEmpty && b.agent.problems.isEmpty)
    }
  }

  @Test func aNewLedgerTakesNothingBack() async throws {
    try await FleetOfFakes.pair(netdefs: [FakeHost.keep]) { fleet, a, _ in
      let guest = FakeLibvirt.guest(1, networks: ["keep"], mac: Self.mac)
      #expect(await a.start(guest) == nil)
      await a.stop(guest)
      try await eventually("it is told") { fleet.binding(Self.mac) != nil }
      await a.leave()
      // The host as it was, but for what it knew.
      let store = FakeFleetStore(fleet.server)
      let agent = fleet.agent("a", store, ledger: "a new one")
      let host = try await FakeHost(fleet: agent)
      _ = try await host.manager.apply(netdef: FakeHost.keep, plan: false)
      let manager = host.manager
      let task = Task { await agent.run(manager) }
      try await eventually("it is in") { if case .connected = agent.connection { true } else { false } }
      #expect(fleet.binding(Self.mac)?.guest.name == "g1")
      await host.libvirt.define(
        FakeLibvirt.guest(1, networks: ["keep"], mac: MACAddress(value: 0x5254_0000_0099)), manager)
      #expect(await manager.contentsNow().bindings.values.map(\.mac) == [Self.mac])
      task.cancel()
      await task.value
    }
  }

  // MARK: Forgetting a host

  @Test func aHostThatIsUpIsNotForgotten() async throws {
    try await FleetOfFakes.pair { _, a, _ in
      let error = await #expect(throws: FlowError.self) { try await a.agent.forget(host: "b") }
      #expect(error?.message.hasPrefix("host b is in the fleet: only one that is no more can be forgotten") == true)
      await #expect(throws: FlowError.self) { try await a.agent.forget(host: "nobody") }
    }
  }

  @Test func whatAForgottenHostHadBoundIsFree() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      try await Self.moved(fleet, a, b)
      let second = MACAddress(value: 0x5254_0000_0043)
      _ = try await b.manager.bindMAC(Self.request("db", second))
      try await eventually("it is told") { fleet.binding(second)?.host == "b" }
      let lease = try #require(await b.agent.lease)
      b.store.cut(true)
      try await eventually("b is away") { !b.isIn }
      fleet.server.expire(lease)
      #expect(try await a.agent.forget(host: "b").map(\.guest) == ["g1", "db"])
      // Of the guest that a has, too, it is bound there.
      try await eventually("a has it") { fleet.binding(Self.mac)?.host == "a" }
      #expect(fleet.binding(second) == nil)
      #expect(!fleet.server.entries.keys.contains { $0.hasPrefix(fleet.keys.all(.owned, of: "b")) })
      a.host.clock.advance(seconds: 60)
      _ = try await a.manager.bindMAC(Self.request("web", second))
      try await eventually("it is bound anew") { fleet.binding(second)?.guest.name == "web" }
      // Should it come back, others come first, also where its clock is slow.
      b.store.cut(false)
      try await eventually("b gives way") {
        b.agent.problems.contains { $0.contains("is bound to guest web on host a") }
      }
      #expect(fleet.binding(second)?.guest.name == "web")
      try await eventually("it is a host as any other") { fleet.server[fleet.keys.forgotten("b")] == nil }
    }
  }

  /// One that is bound elsewhere is made up anew.
  @Test func generatedMACsAreFreeInTheFleet() async throws {
    let space = FullSpace()
    let host = try await FakeHost(fleet: space)
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let outcome = try await host.manager.bindMAC(Self.request("vm", nil))
    let asked = space.asked.withLock { $0 }
    #expect(asked.count == 3)
    #expect(asked.last == outcome.binding.mac && !asked.dropLast().contains(outcome.binding.mac))
  }

  /// Two guests of one ledger with one MAC: the one that isn't told is bound all the same.
  @Test func whatAnotherGuestHereHasTooIsNotUnbound() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      try await Self.moved(fleet, b, a)
      // Before g1 in the order in which one of them is told.
      var twin = FakeLibvirt.guest(2, networks: ["spread"], mac: Self.mac)
      twin.guest.name = "app"
      #expect(await a.start(twin) == nil)
      try await eventually("it is told") { fleet.binding(Self.mac)?.guest.name == "app" }
      await a.stop(twin)
      #expect(!fleet.server.entries.keys.contains { $0.hasPrefix(fleet.keys.all(.unbound)) })
      _ = try await a.manager.unbindMACs(ofGuest: "app", nic: nil)
      try await eventually("the other's is told") { fleet.binding(Self.mac)?.guest.name == "g1" }
      #expect(await a.manager.contentsNow().bindings.values.map(\.guest.name) == ["g1"])
    }
  }

  /// A binding that gave way is given up where it was, and so on other hosts that have it.
  @Test func whatHadGivenWayIsUnboundOnAllHosts() async throws {
    try await FleetOfFakes.pair { fleet, a, b in
      let c = try await fleet.member("c")
      try await eventually("c is in") { c.isIn }
      c.store.cut(true)
      try await eventually("c is away") { !c.isIn }
      // Older than the others'.
      _ = try await c.manager.bindMAC(Self.request("web"))
      a.host.clock.advance(seconds: 60)
      b.host.clock.advance(seconds: 60)
      try await Self.moved(fleet, a, b)
      c.store.cut(false)
      try await eventually("b has lost it") { b.agent.problems.contains { $0.contains("is bound to guest web") } }
      _ = try await b.manager.unbindMACs(ofGuest: "g1", nic: nil)
      try await eventually("a forgets it") { await a.manager.contentsNow().bindings.isEmpty }
      #expect(fleet.binding(Self.mac)?.guest.name == "web")
      await c.leave()
    }
  }
}

/// A fleet in which the first two MACs that are asked for are bound to others.
private final class FullSpace: FleetSpace {
  let asked = Mutex<[MACAddress]>([])

  func claim(
    _ live: [MACAddress: FleetShare.Live], for guest: GuestID, isIncoming: Bool, within patience: Duration
  ) async -> [MACElsewhere] { [] }
  func settled(_ guest: GuestID) {}
  func contentsChanged() {}
  func bindings(ofGuest uuid: String, within patience: Duration) async -> [MACBinding] { [] }
  func binders(of macs: Set<MACAddress>, within patience: Duration) async -> [MACElsewhere] {
    let isTaken = asked.withLock { asked in
      asked += macs
      return asked.count <= 2
    }
    return isTaken ? macs.map { .init(mac: $0, host: "x", guest: BoundGuest(name: "y", uuid: nil), pool: "p") } : []
  }
  var problems: [String] { [] }
}
