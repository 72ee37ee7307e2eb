import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

/// A ledger that can't be used: what is there is shown, and nothing is changed.
struct ReadOnlyHostTests {
  @Test func withoutALedgerGuestsStartAndWhatRunsIsShown() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["sticky"])
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    let (writes, saved) = (host.kernel.writeCount, host.kernel.state.withLock(\.ownCounts))
    let blind = try await host.restarted(unusableLedger: "the ledger is damaged")
    await blind.libvirtConnected()
    await blind.reconciledInBackground()
    let view = await blind.view()
    #expect(view.contents.pools["sticky"]?.mode == .observe)
    #expect(view.contents.leases.values.map(\.guest.name) == ["g1"])
    #expect(view.problems.contains { $0.contains("the ledger is damaged") } && !view.isLedgerWritable)
    #expect(try await blind.reconcile(plan: true).drifts == [])
    // Another starts and stops; libvirt picks.
    let other = FakeLibvirt.guest(2, networks: ["sticky"])
    #expect(await host.libvirt.start(other, blind) == nil)
    #expect(await blind.view().contents.leases.count == 2)
    await host.libvirt.stop(other.guest, blind)
    await #expect(throws: FlowError.self) { try await blind.apply(netdef: FakeHost.spread, plan: false) }
    #expect(host.kernel.writeCount == writes)
    #expect(host.kernel.state.withLock(\.ownCounts) == saved)
  }
}
