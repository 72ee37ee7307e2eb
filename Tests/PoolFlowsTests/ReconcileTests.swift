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
      $0.networks["spread"]?.ports = [:]
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
