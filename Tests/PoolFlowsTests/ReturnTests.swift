import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

struct ReturnTests {
  private let vf = VFIndex(pf: "enp1s0", index: 0)

  @Test func stoppedGuestsVFIsAtItsBaselineAndTheLeaseInTheHistory() async throws {
    let host = try await FakeHost()
    let before = try #require(host.kernel[vf])
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["spread"])
    _ = await host.libvirt.start(guest, host.manager)
    #expect(host.kernel[vf] != before)
    await host.libvirt.stop(guest.guest, host.manager)
    #expect(host.kernel[vf] == before)
    #expect(host.ledger.contents.leases.isEmpty)
    let closed = try #require(host.ledger.history.first)
    #expect(closed.reason == "guest stopped")
    #expect(closed.lease.mac == guest.nics[0].mac)
    #expect(closed.lease.vfIndex == vf)
    #expect(closed.until > closed.lease.since)
  }

  @Test func guestThatHasTheVFNextFindsNothingOfTheLast() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["spread"])
    _ = await host.libvirt.start(guest, host.manager, hooks: false)
    await host.libvirt.stop(guest.guest, host.manager, hooks: false)
    // What a stop without our hook leaves behind.
    host.kernel.change(vf, VFSettings(mac: guest.nics[0].mac, trust: true, minTxRate: 50))
    let next = FakeLibvirt.guest(2, networks: ["spread"])
    _ = await host.libvirt.start(next, host.manager)
    #expect(host.kernel[vf]?.minTxRate == 0)
    #expect(host.kernel[vf]?.mac == next.nics[0].mac)
  }

  @Test func vfThatDoesNotGoBackIsQuarantinedAndParked() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["spread"])
    _ = await host.libvirt.start(guest, host.manager)
    host.kernel.state.withLock { _ = $0.deaf.insert(vf) }
    await host.libvirt.stop(guest.guest, host.manager)
    let quarantine = try #require(host.ledger.contents.quarantines.values.first)
    #expect(quarantine.why.contains("trust off"))
    try await eventually("the VF is parked") {
      host.libvirt.ports("spread").contains { $0.isHold && $0.vf == quarantine.vf }
    }
    _ = await host.libvirt.start(guest, host.manager)
    #expect(host.libvirt.vf(of: guest.guest, "spread") != quarantine.vf)
    host.kernel.state.withLock { _ = $0.deaf.remove(vf) }
    _ = try await host.manager.unquarantine("enp1s0/0")
    #expect(host.ledger.contents.quarantines.isEmpty)
    #expect(host.libvirt.ports("spread").filter(\.isHold) == [])
  }

  @Test func vfWhosePortOutlivedItsLeaseIsLookedAtWhenThePortGoes() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    await host.manager.reconciledInBackground()
    let pci = try #require(host.kernel.pci("enp1s0", 0))
    host.kernel.bind(vf, to: "vfio-pci")
    let port = NetworkPort(
      uuid: FakeLibvirt.uuid(77), owner: FakeLibvirt.guest(1, networks: []).guest, mac: MACAddress(unusedOf: pci),
      vf: pci)
    await host.manager.freed(port, network: "sticky", deadline: HookDeadline(in: .seconds(60)))
    await host.manager.reconciledInBackground()
    #expect(try await host.kernel.driver(of: pci) == "igbvf")
  }

  @Test func failedStartLeavesNoLease() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["sticky"])
    #expect(await host.manager.prepare(guest, deadline: HookDeadline(in: .seconds(60))) == .go)
    await host.manager.released(host.manager.run(of: guest.guest))
    #expect(host.ledger.contents.leases.isEmpty)
    #expect(host.ledger.history.map(\.reason) == ["start failed"])
    #expect(await host.libvirt.start(FakeLibvirt.guest(2, networks: ["sticky"]), host.manager) == nil)
  }
}
