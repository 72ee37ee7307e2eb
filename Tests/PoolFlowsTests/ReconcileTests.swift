import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

struct ReconcileTests {
  private func host(running numbers: ClosedRange<Int>) async throws -> FakeHost {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    for number in numbers {
      _ = await host.libvirt.start(FakeLibvirt.guest(number, networks: ["spread"]), host.manager)
    }
    return host
  }

  private func expectClean(_ manager: PoolManager) async throws {
    #expect(try await manager.reconcile(plan: true).drifts == [])
  }

  @Test func nothingToDoOnAHealthyHost() async throws {
    let host = try await host(running: 1...3)
    try await expectClean(host.manager)
  }

  @Test func whatHappenedWhileNobodyListenedIsCaughtUp() async throws {
    let host = try await host(running: 1...3)
    await host.manager.libvirtDisconnected()
    await host.libvirt.stop(FakeLibvirt.guest(1, networks: []).guest, host.manager, hooks: false)
    _ = await host.libvirt.start(FakeLibvirt.guest(9, networks: ["spread"]), host.manager, hooks: false)
    let manager = try await host.restarted()
    await manager.libvirtConnected()
    try await eventually("the leases are true") {
      Set(host.ledger.contents.leases.values.map(\.guest.name)) == ["g2", "g3", "g9"]
    }
    try await eventually("nothing is left") { (try? await manager.reconcile(plan: true).drifts) == [] }
  }

  @Test func freeVFOffItsBaselineIsRestored() async throws {
    let host = try await host(running: 1...1)
    let vf = VFIndex(pf: "enp2s0", index: 3)
    let before = host.kernel[vf]
    host.kernel.change(vf, VFSettings(trust: true, maxTxRate: 10))
    let plan = try await host.manager.reconcile(plan: true)
    #expect(plan.drifts.count == 1)
    #expect(host.kernel[vf] != before)
    _ = try await host.manager.reconcile(plan: false)
    #expect(host.kernel[vf] == before)
    try await expectClean(host.manager)
  }

  @Test func runningGuestsVFIsNotTouched() async throws {
    let host = try await host(running: 1...2)
    let writes = host.kernel.writeCount
    _ = try await host.manager.reconcile(plan: false)
    #expect(host.kernel.writeCount == writes)
  }

  @Test func portsLostByANetworksRestartAreClaimedAgain() async throws {
    let host = try await host(running: 1...3)
    let before = Set(host.libvirt.ports("spread").map(\.uuid))
    try await host.libvirt.stop(network: "spread")
    try await host.libvirt.start(network: "spread")
    let report = try await host.manager.reconcile(plan: false)
    #expect(report.drifts.count == 3)
    #expect(Set(host.libvirt.ports("spread").map(\.uuid)) == before)
    try await expectClean(host.manager)
  }

  @Test(arguments: [0, 1])
  func lostCountsAreSetRightByMakingThePortsAgain(newcomers: Int) async throws {
    let host = try await host(running: 1...3)
    let before = Set(host.libvirt.ports("spread"))
    let states = before.compactMap(\.vf).compactMap { host.kernel.id($0) }.map { host.kernel[$0] }
    try await host.libvirt.clearCounts(of: "spread")
    let plan = try await host.manager.reconcile(plan: true)
    #expect(plan.drifts == [.countsLost(pool: "spread")])
    #expect(host.libvirt.connections("spread") == 0)
    let report = try await host.manager.reconcile(plan: false)
    #expect(report.drifts == [.countsLost(pool: "spread")] && report.failures == [])
    #expect(Set(host.libvirt.ports("spread")) == before)
    #expect(host.libvirt.connections("spread") == 3)
    #expect(before.compactMap(\.vf).compactMap { host.kernel.id($0) }.map { host.kernel[$0] } == states)
    try await expectClean(host.manager)
    for number in 10..<10 + newcomers {
      #expect(await host.libvirt.start(FakeLibvirt.guest(number, networks: ["spread"]), host.manager) == nil)
      #expect(host.libvirt.ports("spread").count == 4)
    }
  }

  @Test func portsThatAreMadeAgainAreNoEndOfALease() async throws {
    let host = try await host(running: 1...1)
    let port = try #require(host.libvirt.ports("spread").first)
    let writes = host.kernel.writeCount
    host.libvirt.state.withLock {
      $0.onDrop = { [manager = host.manager] port in
        await manager.freed(port, network: "spread", deadline: HookDeadline(in: .seconds(60)))
      }
    }
    try await host.libvirt.clearCounts(of: "spread")
    _ = try await host.manager.reconcile(plan: false)
    #expect(host.kernel.writeCount == writes)
    #expect(host.ledger.contents.leases.values.map(\.state) == [.active])
    #expect(host.ledger.contents.leases.values.first?.port == port.uuid)
  }

  @Test func countsThatCannotBeSetRightAreTriedAgain() async throws {
    let host = try await host(running: 1...2)
    let before = Set(host.libvirt.ports("spread"))
    try await host.libvirt.clearCounts(of: "spread")
    host.libvirt.state.withLock { $0.failing = ["clear"] }
    let report = try await host.manager.reconcile(plan: false)
    #expect(!report.failures.isEmpty)
    host.libvirt.state.withLock { $0.failing = [] }
    _ = try await host.manager.reconcile(plan: false)
    #expect(Set(host.libvirt.ports("spread")) == before)
    #expect(host.libvirt.connections("spread") == 2)
    try await expectClean(host.manager)
  }

  @Test func portsThatTheLedgerCannotRecordAreNotDeleted() async throws {
    let host = try await host(running: 1...2)
    _ = await host.libvirt.start(
      FakeLibvirt.guest(9, networks: ["spread"]), try await host.restarted(), hooks: false)
    let before = Set(host.libvirt.ports("spread"))
    try await host.libvirt.clearCounts(of: "spread")
    host.ledger.state.withLock { $0.fails = true }
    _ = try await host.manager.reconcile(plan: false)
    #expect(Set(host.libvirt.ports("spread")) == before)
    #expect(host.libvirt.state.withLock { state in !state.calls.contains { $0.hasPrefix("drop") } })
    host.ledger.state.withLock { $0.fails = false }
    _ = try await host.manager.reconcile(plan: false)
    #expect(Set(host.libvirt.ports("spread")) == before)
    #expect(host.libvirt.connections("spread") == 3)
    try await expectClean(host.manager)
  }

  @Test func freeVFOnVFIOIsGivenBack() async throws {
    let host = try await host(running: 1...1)
    let vf = VFIndex(pf: "enp2s0", index: 3)
    let pci = try #require(host.kernel.pci("enp2s0", 3))
    host.kernel.bind(vf, to: "vfio-pci")
    #expect(try await host.manager.reconcile(plan: true).drifts == [.onVFIO(vf: pci)])
    _ = try await host.manager.reconcile(plan: false)
    #expect(try await host.kernel.driver(of: pci) == "igbvf")
    try await expectClean(host.manager)
  }

  @Test func freeVFThatStaysOnVFIOIsQuarantined() async throws {
    let host = try await host(running: 1...1)
    let pci = try #require(host.kernel.pci("enp2s0", 3))
    host.kernel.bind(VFIndex(pf: "enp2s0", index: 3), to: "vfio-pci")
    host.devices.state.withLock { $0.deaf = ["reattach"] }
    _ = try await host.manager.reconcile(plan: false)
    #expect(host.ledger.contents.quarantines[pci]?.why == "stays bound to vfio-pci")
    try await expectClean(host.manager)
  }

  /// libvirt keeps a device of a guest that ended in its list of those in use, when it had lost the guest's port before.
  @Test func freeVFThatLibvirtTakesForAGuestsIsParkedUntilItGivesItBack() async throws {
    let host = try await host(running: 1...1)
    let pci = try #require(host.kernel.pci("enp2s0", 3))
    host.kernel.bind(VFIndex(pf: "enp2s0", index: 3), to: "vfio-pci")
    host.devices.state.withLock { $0.lost = [pci: .max] }
    for _ in 0..<3 { _ = try await host.manager.reconcile(plan: false) }
    try await expectClean(host.manager)
    #expect(host.libvirt.ports("spread").contains { $0.isHold && $0.vf == pci })
    #expect(await host.manager.view().problems.contains { $0.contains("`systemctl restart libvirtd`") })
    host.devices.state.withLock { $0.lost = [:] }
    _ = try await host.manager.reconcile(plan: false)
    try await expectClean(host.manager)
    #expect(try await host.kernel.driver(of: pci) == "igbvf")
    #expect(!host.libvirt.ports("spread").contains { $0.vf == pci })
    #expect(await host.manager.view().problems == [])
  }

  @Test func newLibvirtdHasNoLostVFs() async throws {
    let host = try await host(running: 1...1)
    let pci = try #require(host.kernel.pci("enp2s0", 3))
    host.kernel.bind(VFIndex(pf: "enp2s0", index: 3), to: "vfio-pci")
    host.devices.state.withLock { $0.lost = [pci: .max] }
    for _ in 0..<3 { _ = try await host.manager.reconcile(plan: false) }
    await host.manager.libvirtDisconnected()
    host.devices.state.withLock { $0.lost = [:] }
    await host.manager.libvirtConnected()
    await host.manager.reconciledInBackground()
    try await expectClean(host.manager)
    #expect(try await host.kernel.driver(of: pci) == "igbvf")
    #expect(await host.manager.view().problems == [])
  }

  /// While a guest starts or stops, libvirt may say for a moment that it has the VF.
  @Test func aVFThatIsInUseForAMomentIsNotLost() async throws {
    let host = try await host(running: 1...1)
    let pci = try #require(host.kernel.pci("enp2s0", 3))
    host.kernel.bind(VFIndex(pf: "enp2s0", index: 3), to: "vfio-pci")
    host.devices.state.withLock { $0.lost = [pci: 1] }
    let report = try await host.manager.reconcile(plan: false)
    #expect(report.drifts == [.onVFIO(vf: pci)] && report.failures == [])
    #expect(try await host.kernel.driver(of: pci) == "igbvf")
    #expect(!host.libvirt.state.withLock { state in state.calls.contains { $0.hasPrefix("claim") } })
  }

  @Test func vfsThatAreGoneAreMadeAgain() async throws {
    let host = try await host(running: 1...1)
    try await host.kernel.setVFCount(0, pf: "enp2s0")
    #expect(try await host.manager.reconcile(plan: true).drifts == [.vfsGone(pf: "enp2s0", count: 7)])
    _ = try await host.manager.reconcile(plan: false)
    #expect(host.kernel.pci("enp2s0", 6) != nil)
    try await expectClean(host.manager)
  }

  @Test func vfsThatAreSomebodyElsesToMakeStayGone() async throws {
    let host = try await host(running: 1...1)
    try await host.kernel.setVFCount(0, pf: "enp2s0")
    host.kernel.state.withLock { $0.countWriters = ["enp2s0": ["/etc/rc.local:3: echo 4 > …"]] }
    try await expectClean(host.manager)
  }

  @Test func outsideChangeIsListedOnlyWhereItIsPutBack() async throws {
    // What puts it back by itself comes too late.
    let host = try await FakeHost(settle: .seconds(600))
    let netdef = FakeHost.spread.replacing("urn:vfpool:pool:1\">", with: "urn:vfpool:pool:1\" enforce=\"yes\">")
    for (xml, listed) in [(FakeHost.spread, 0), (netdef, 1)] {
      _ = try await host.manager.apply(netdef: xml, plan: false)
      let guest = FakeLibvirt.guest(1, networks: ["spread"])
      _ = await host.libvirt.start(guest, host.manager)
      let vf = try #require(host.libvirt.vf(of: guest.guest, "spread").flatMap { host.kernel.id($0) })
      host.kernel.change(vf, VFSettings(trust: false))
      #expect(try await host.manager.reconcile(plan: true).drifts.count == listed)
      _ = try await host.manager.reconcile(plan: false)
      #expect(host.kernel[vf]?.trust == (listed == 1))
      await host.libvirt.stop(guest.guest, host.manager)
    }
  }

  @Test func portThatAGuestLeftBehindIsDeletedAfterAWhile() async throws {
    let host = try await FakeHost(turnLimit: .seconds(10))
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["spread"])
    let before = host.kernel[VFIndex(pf: "enp1s0", index: 0)]
    _ = await host.libvirt.start(guest, host.manager)
    // The while begins with the first look.
    await host.manager.reconciledInBackground()
    host.libvirt.state.withLock { $0.running = [:] }
    #expect(try await host.manager.reconcile(plan: true).drifts == [])
    try await eventually("the port and the lease are gone") {
      host.libvirt.ports("spread").isEmpty && host.ledger.contents.leases.isEmpty
    }
    #expect(host.kernel[VFIndex(pf: "enp1s0", index: 0)] == before)
    try await expectClean(host.manager)
  }

  @Test func portThatAGuestLeftBehindIsDeletedWhenItStartsAgain() async throws {
    let host = try await host(running: 1...1)
    host.libvirt.state.withLock { $0.running = [:] }
    _ = await host.libvirt.start(FakeLibvirt.guest(1, networks: ["spread"]), host.manager)
    #expect(host.libvirt.ports("spread").count == 1)
    #expect(host.ledger.contents.leases.count == 1)
    try await expectClean(host.manager)
  }

  @Test func portOfSomebodyWhoIsNoGuestIsLeftAlone() async throws {
    let host = try await host(running: 1...1)
    let vf = try #require(host.kernel.pci("enp1s0", 5))
    let claim = NetworkPort(
      uuid: FakeLibvirt.uuid(78), owner: GuestID(name: "dpdk", uuid: FakeLibvirt.uuid(79)),
      mac: try #require(MACAddress("52:54:00:00:00:78")), vf: vf)
    try await host.libvirt.claim(claim, in: "spread")
    try await expectClean(host.manager)
    _ = try await host.manager.reconcile(plan: false)
    #expect(host.libvirt.ports("spread").contains(claim))
    #expect(host.ledger.contents.leases.count == 1)
  }

  @Test func strayHoldsAreDropped() async throws {
    let host = try await host(running: 1...1)
    let vf = try #require(host.kernel.pci("enp1s0", 5))
    let hold = Hold(port: FakeLibvirt.uuid(77), pool: "spread", vf: vf, guest: nil)
    try await host.libvirt.claim(.init(hold), in: "spread")
    _ = try await host.manager.reconcile(plan: false)
    #expect(host.libvirt.ports("spread").filter(\.isHold) == [])
    try await expectClean(host.manager)
  }

  @Test func leasesOfAnEarlierBootAreClosedAndMACsKept() async throws {
    let host = try await host(running: 1...3)
    host.libvirt.state.withLock {
      $0.running = [:]
      $0.networks["spread"]?.removeAllPorts()
    }
    let manager = try await host.restarted(bootID: "boot-2")
    #expect(host.ledger.contents.leases.isEmpty)
    #expect(host.ledger.history.map(\.reason) == ["host rebooted", "host rebooted", "host rebooted"])
    #expect(host.ledger.contents.bindings.count == 3)
    await manager.libvirtConnected()
    _ = try await manager.reconcile(plan: false)
    try await expectClean(manager)
  }

  @Test func networkThatVanishesTakesAnObservedPoolAlong() async throws {
    let host = try await FakeHost()
    _ = try await host.libvirt.define(
      xml: "<network><name>plain</name><forward mode='hostdev'><pf dev='enp2s0'/></forward></network>")
    _ = try await host.manager.reconcile(plan: false)
    #expect(host.ledger.contents.pools["plain"]?.mode == .observe)
    try await host.libvirt.undefine(network: "plain")
    _ = try await host.manager.reconcile(plan: false)
    #expect(host.ledger.contents.pools.isEmpty)
  }
}
