import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

/// Each step done once more finds its work done: kernel, libvirt and ledger are as they were after the first time.
struct RepeatTests {
  /// A step, on a host that is made ready for it.
  struct Step: Sendable, CustomTestStringConvertible {
    var name: String
    /// Whether the step changes anything the first time.
    var changes = true
    /// Each prepare is a start of its own: the one before it has failed then.
    var historyGrows = false
    var given: @Sendable (FakeHost) async throws -> Void
    var act: @Sendable (FakeHost) async throws -> Void

    var testDescription: String { name }
  }

  private static let deadline = HookDeadline(in: .seconds(60))
  /// Guest 3 had the third VF last, so its start holds two others.
  private static let guest = FakeLibvirt.guest(3, networks: ["sticky"])
  private static let uuid = FakeLibvirt.uuid(4242)

  private static func applied(_ host: FakeHost) async throws {
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    let guests = (1...3).map { FakeLibvirt.guest($0, networks: ["sticky"]) }
    for guest in guests { _ = await host.libvirt.start(guest, host.manager) }
    for guest in guests { await host.libvirt.stop(guest.guest, host.manager) }
  }

  private static func prepare(_ host: FakeHost) async throws {
    #expect(await host.manager.prepare(guest, deadline: deadline) == .go)
  }

  private static func prepared(_ host: FakeHost) async throws {
    try await applied(host)
    try await prepare(host)
  }

  private static func port(_ host: FakeHost) throws -> NetworkPort {
    NetworkPort(
      uuid: uuid, owner: guest.guest, mac: try #require(guest.nics[0].mac), portgroup: nil,
      vf: host.kernel.pci("enp1s0", 2), managed: true, vlan: VLANTag(id: 42))
  }

  /// libvirt has picked the VF; its hook hasn't run yet.
  private static func pick(_ host: FakeHost) async throws {
    try await host.libvirt.claim(port(host), in: "sticky")
  }

  private static func allocate(_ host: FakeHost) async throws {
    await host.manager.allocated(try port(host), network: "sticky", deadline: deadline)
  }

  private static func allocated(_ host: FakeHost) async throws {
    try await prepared(host)
    try await pick(host)
    try await allocate(host)
    let vf = VFIndex(pf: "enp1s0", index: 2)
    host.kernel.change(vf, VFSettings(mac: guest.nics[0].mac, vlan: .tagged(VLANTag(id: 42))))
    host.kernel.bind(vf, to: "vfio-pci")
  }

  private static func start(_ host: FakeHost) async throws {
    await host.manager.started(guest.guest, deadline: deadline)
  }

  private static func active(_ host: FakeHost) async throws {
    try await allocated(host)
    try await start(host)
    host.kernel.change(VFIndex(pf: "enp1s0", index: 2), VFSettings(trust: true))
  }

  /// libvirt has given the VF back; its hook hasn't run yet.
  private static func dropped(_ host: FakeHost) async throws {
    try await active(host)
    try await host.libvirt.drop(port: uuid, in: "sticky")
    host.kernel.bind(VFIndex(pf: "enp1s0", index: 2), to: "igbvf")
  }

  private static func free(_ host: FakeHost) async throws {
    await host.manager.freed(try port(host), network: "sticky", deadline: deadline)
  }

  private static func freed(_ host: FakeHost) async throws {
    try await dropped(host)
    try await free(host)
  }

  private static func release(_ host: FakeHost) async throws {
    await host.manager.released(host.manager.run(of: guest.guest))
  }

  private static let plain = "<network><name>plain</name><forward mode='hostdev'><pf dev='enp2s0'/></forward></network>"

  private static func observed(_ host: FakeHost) async throws {
    _ = try await host.libvirt.define(xml: plain)
    try await host.libvirt.start(network: "plain")
    _ = try await host.manager.reconcile(plan: false)
  }

  private static func quarantined(_ host: FakeHost) async throws {
    let vf = VFIndex(pf: "enp1s0", index: 2)
    host.kernel.state.withLock { _ = $0.deaf.insert(vf) }
    try await freed(host)
    host.kernel.state.withLock { _ = $0.deaf.remove(vf) }
    await host.manager.reconciledInBackground()
  }

  static let hooks = [
    Step(name: "prepare", historyGrows: true, given: applied, act: prepare),
    Step(
      name: "allocated",
      given: {
        try await prepared($0); try await pick($0)
      }, act: allocate),
    Step(
      name: "allocated without prepare",
      given: {
        try await applied($0); try await pick($0)
      }, act: allocate),
    Step(name: "started", given: allocated, act: start),
    Step(name: "started without allocated", given: prepared, act: start),
    Step(name: "started without anything", changes: false, given: applied, act: start),
    Step(name: "freed", given: dropped, act: free),
    Step(
      name: "freed without started",
      given: {
        try await allocated($0); try await $0.libvirt.drop(port: uuid, in: "sticky")
      }, act: free),
    Step(name: "freed without anything", changes: false, given: applied, act: free),
    Step(name: "released", given: freed, act: release),
    Step(name: "released without freed", given: dropped, act: release),
    Step(name: "released without allocated", given: prepared, act: release),
    Step(name: "released without anything", changes: false, given: applied, act: release),
    Step(name: "released while libvirt has the port", changes: false, given: active, act: release),
  ]

  static let verbs = [
    Step(name: "apply", given: { _ in }) { _ = try? await $0.manager.apply(netdef: FakeHost.sticky, plan: false) },
    Step(name: "apply on running guests", changes: false, given: active) {
      _ = try? await $0.manager.apply(netdef: FakeHost.sticky, plan: false)
    },
    Step(name: "enforce", given: observed) { _ = try? await $0.manager.enforce(pool: "plain", plan: false) },
    Step(name: "stop", given: applied) { _ = try? await $0.manager.stopPool("sticky") },
    Step(
      name: "start",
      given: {
        try await applied($0); _ = try await $0.manager.stopPool("sticky")
      },
      act: { _ = try? await $0.manager.startPool("sticky") }),
    Step(name: "remove", given: applied) { _ = try? await $0.manager.removePool("sticky", plan: false) },
    Step(name: "remove after a stop that failed", given: quarantined) {
      try await release($0)
      _ = try? await $0.manager.removePool("sticky", plan: false)
    },
    Step(name: "set-vfs", given: applied) { _ = try? await $0.manager.setVFCount(3, pf: "enp2s0", plan: false) },
    Step(name: "set-vfs to none", given: applied) {
      _ = try? await $0.manager.setVFCount(0, pf: "enp2s0", plan: false)
    },
    Step(name: "vf set", given: applied) {
      _ = try? await $0.manager.setVFs(["enp2s0/*"], VFSettings(trust: true), disrupt: [])
    },
    Step(
      name: "vf reset",
      given: {
        try await applied($0); _ = try await $0.manager.setVFs(["enp1s0/4"], VFSettings(trust: true), disrupt: [])
      }
    ) {
      _ = try? await $0.manager.resetVF("enp1s0/4", disrupt: [])
    },
    Step(name: "unquarantine", given: quarantined) { _ = try? await $0.manager.unquarantine("enp1s0/2") },
    Step(
      name: "reconcile",
      given: { host in
        try await applied(host); host.kernel.change(VFIndex(pf: "enp1s0", index: 5), VFSettings(trust: true))
      }
    ) {
      _ = try await $0.manager.reconcile(plan: false)
    },
    Step(name: "disable", given: prepared) { _ = try await $0.manager.dropAllHolds() },
  ]

  @Test(arguments: hooks + verbs) func doneTwiceIsAsDoneOnce(step: Step) async throws {
    let host = try await FakeHost()
    try await step.given(host)
    let before = try await picture(host)
    try await step.act(host)
    let once = try await picture(host)
    try await step.act(host)
    let twice = try await picture(host)
    #expect(once.now == twice.now)
    #expect(step.historyGrows || once.past == twice.past)
    #expect((before != once) == step.changes, "the first time must \(step.changes ? "" : "not ")change something")
  }

  /// The same run told of twice, as by a hook that came late, while the guest's next start is under way.
  @Test func aRunThatIsReleasedAgainIsNotTheNext() async throws {
    let host = try await FakeHost()
    try await Self.freed(host)
    let run = await host.manager.run(of: Self.guest.guest)
    await host.manager.released(run)
    try await Self.prepare(host)
    let once = try await picture(host)
    await host.manager.released(run)
    #expect(try await picture(host) == once)
  }

  /// All that differs from one time to the next, in words, once nothing goes on any more.
  private struct Picture: Equatable {
    var now: [String]
    var past: [String]
  }

  private func picture(_ host: FakeHost) async throws -> Picture {
    var last = shot(host)
    var still = 0
    for _ in 0..<1000 {
      await host.manager.reconciledInBackground()
      try await Task.sleep(for: .milliseconds(2))
      let next = shot(host)
      still = next == last ? still + 1 : 0
      last = next
      if still == 10 { return last }
    }
    Issue.record("the host never came to rest")
    return last
  }

  /// Numbers and times left out, and the UUIDs of holds.
  private func shot(_ host: FakeHost) -> Picture {
    let contents = host.ledger.contents
    let text = { (value: Any?) in value.map { "\($0)" } ?? "-" }
    var now = host.kernel.state.withLock { state in
      state.vfs.values.map { "kernel \($0.id) \(text($0.pci)) \(text($0.driver)) \(text($0.state))" }
        + state.pfs.map { "kernel \($0.name) \($0.numVFs)" } + state.ownCounts.map { "boot \($0)" }
    }
    host.libvirt.state.withLock { state in
      for (name, network) in state.networks {
        now.append("libvirt \(network.facts)")
        now += network.ports.values.map { "port \(name) \($0.owner.name) \(text($0.vf)) \($0.mac)" }
        now += network.counts.filter { $0.value != 0 }.map { "count \(name) \($0.key) \($0.value)" }
      }
    }
    now += contents.pools.values.map { "pool \($0)" } + contents.netdefs.map { "netdef \($0.key) \($0.value)" }
    now += contents.baselines.values.map { "baseline \($0.vf) \($0.state)" }
    now += contents.leases.values.map {
      "lease \($0.pool) \($0.guest.name) \($0.nic) \($0.mac) \(text($0.vf)) \(text($0.vfIndex)) \($0.state) "
        + "\(text($0.port)) \(text($0.portgroup)) \(text($0.settings))"
    }
    now += contents.holds.values.map { "hold \($0.pool) \($0.vf) \(text($0.guest?.name))" }
    now += contents.bindings.values.map { "mac \($0.guest.name) \($0.pool) \($0.nic) \($0.mac) \(text($0.lastVF))" }
    now += contents.quarantines.values.map { "quarantine \($0.vf) \($0.why)" }
    now += contents.counts.values.map { "own \($0)" }
    return Picture(
      now: now.sorted(), past: host.ledger.history.map { "\($0.lease.id) \($0.lease.state) \($0.reason)" }.sorted())
  }
}
