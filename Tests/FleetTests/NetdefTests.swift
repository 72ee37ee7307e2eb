import ControlAPI
import FlowFakes
import LibvirtXML
import PoolFlows
import PoolModel
import Synchronization
import Testing

@testable import Fleet

@Suite(.timeLimit(.minutes(2))) struct FleetNetdefTests {
  private func hasPool(_ member: FleetOfFakes.Member, _ pool: String = "keep") async -> Bool {
    await member.manager.contentsNow().pools[pool] != nil
  }

  @Test func plannedOnEachHostThenDoneOnAll() async throws {
    try await FleetOfFakes.pair(netdefs: []) { fleet, a, b in
      let plan = try await a.agent.plan([FakeHost.keep], on: nil)
      #expect(plan.hosts.map(\.host) == ["a", "b"])
      #expect(plan.hosts.allSatisfy { $0.failure == nil && $0.plans.first?.steps.isEmpty == false })
      #expect(await !hasPool(a))
      let tokens = Dictionary(uniqueKeysWithValues: plan.hosts.map { ($0.host, $0.plans.map(\.token)) })
      let done = try await a.agent.apply([("keep", FakeHost.keep)], on: nil, tokens: tokens)
      #expect(done.hosts.map(\.failure) == [nil, nil])
      #expect(await hasPool(a))
      #expect(await hasPool(b))
      #expect(await a.agent.status().netdefs.map(\.applied) == [2])
      let changes = b.audit.entries.withLock { $0 }
      #expect(changes.map(\.operation) == ["netdef"])
      #expect(changes.first.map { [$0.user, $0.object, $0.outcome] } == ["fleet", "pool=keep by=a", "done"])
      #expect(!fleet.server.entries.keys.contains { $0.hasPrefix(fleet.keys.all(.requests)) })
      // One that joins later, too.
      let c = try await fleet.member("c", netdefs: [])
      try await eventually("it follows") { await hasPool(c) }
      await c.leave()
    }
  }

  @Test func aHostThatWasAwayFollows() async throws {
    try await FleetOfFakes.pair(netdefs: []) { fleet, a, b in
      let lease = try #require(await b.agent.lease)
      b.store.cut(true)
      try await eventually("b is away") { !b.isIn }
      fleet.server.expire(lease)
      let done = try await a.agent.apply([("keep", FakeHost.keep)], on: nil, tokens: [:])
      #expect(done.hosts.map(\.host) == ["a"])
      b.store.cut(false)
      try await eventually("b follows") { await hasPool(b) }
      try await eventually("and says so") { await a.agent.status().netdefs.map(\.applied) == [2] }
    }
  }

  @Test func onlyTheHostsThatAreNamed() async throws {
    try await FleetOfFakes.pair(netdefs: []) { fleet, a, b in
      let plan = try await a.agent.plan([FakeHost.keep], on: ["b"])
      #expect(plan.hosts.map(\.host) == ["b"])
      _ = try await a.agent.apply([("keep", FakeHost.keep)], on: ["b"], tokens: [:])
      #expect(await hasPool(b))
      #expect(await !hasPool(a))
      let error = await #expect(throws: FlowError.self) { try await a.agent.plan([FakeHost.keep], on: ["x"]) }
      #expect(error?.message == "host x isn't up in the fleet; there are: a, b")
    }
  }

  @Test func whatFailsOnAHostIsToldAndNotInTheOthersWay() async throws {
    try await FleetOfFakes.pair(netdefs: []) { fleet, a, b in
      b.host.kernel.state.withLock { state in state.pfs.removeAll { $0.name == "enp1s0" } }
      let plan = try await a.agent.plan([FakeHost.keep], on: nil)
      #expect(plan.hosts.map { $0.failure == nil } == [true, false])
      let done = try await a.agent.apply([("keep", FakeHost.keep)], on: nil, tokens: [:])
      #expect(done.hosts[0].failure == nil)
      #expect(done.hosts[1].failure?.contains("enp1s0") == true)
      #expect(b.agent.problems.first?.hasPrefix("the fleet's netdef of pool keep is not applied here: ") == true)
      #expect(await a.agent.status().netdefs.first?.failures.map(\.host) == ["b"])
      // Without it, it isn't b's affair any more.
      _ = try await a.agent.apply([("keep", FakeHost.keep)], except: ["b"], tokens: [:])
      try await eventually("b no longer complains") { b.agent.problems.isEmpty }
      try await a.agent.forget(netdef: "keep")
      try await eventually("it is no problem any more") { b.agent.problems.isEmpty }
      #expect(await hasPool(a))
      await #expect(throws: FlowError.self) { try await a.agent.forget(netdef: "keep") }
    }
  }

  @Test func aHostMayTakeNone() async throws {
    let fleet = FleetOfFakes()
    let a = try await fleet.member("a", netdefs: [])
    let b = try await fleet.member("b", netdefs: [], takesNetdefs: false)
    try await eventually("both are in") { a.isIn && b.isIn }
    let plan = try await a.agent.plan([FakeHost.keep], on: nil)
    #expect(plan.hosts.map(\.host) == ["a"])
    let error = await #expect(throws: FlowError.self) { try await a.agent.plan([FakeHost.keep], on: ["b"]) }
    #expect(error?.message.hasPrefix("host b takes no netdefs") == true)
    let done = try await a.agent.apply([("keep", FakeHost.keep)], tokens: [:])
    #expect(done.hosts.map(\.host) == ["a"])
    #expect(await !hasPool(b))
    #expect(await a.agent.status().netdefs.map(\.missing) == [[]])
    await a.leave()
    await b.leave()
  }

  @Test func aHostThatHasNoLibvirtYetFollows() async throws {
    let fleet = FleetOfFakes()
    let a = try await fleet.member("a", netdefs: [])
    try await eventually("a is in") { a.isIn }
    _ = try await a.agent.apply([("keep", FakeHost.keep)], tokens: [:])
    let b = try await fleet.member("b", netdefs: [], connected: false)
    try await eventually("b is in, and says what it lacks") { b.isIn && !b.agent.problems.isEmpty }
    #expect(await !hasPool(b))
    await b.manager.libvirtConnected()
    try await eventually("b follows") {
      b.agent.contentsChanged()
      return await hasPool(b)
    }
    try await eventually("and has no problem") { b.agent.problems.isEmpty }
    await a.leave()
    await b.leave()
  }

  @Test func aPlanThatNoLongerHoldsIsNotDone() async throws {
    try await FleetOfFakes.pair(netdefs: []) { _, a, b in
      let done = try await a.agent.apply([("keep", FakeHost.keep)], on: nil, tokens: ["a": ["0"], "b": ["0"]])
      #expect(done.hosts.allSatisfy { $0.failure?.contains("the state has moved") == true })
      #expect(await !hasPool(a))
      #expect(await !hasPool(b))
    }
  }
}
