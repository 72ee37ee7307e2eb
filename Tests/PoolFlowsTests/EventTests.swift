import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

struct EventTests {
  /// Records what is told from now on.
  private func watch(_ host: FakeHost) async -> Events {
    let events = Events()
    _ = await host.manager.watch(after: nil) { event in events.all.withLock { $0.append(event) } }
    return events
  }

  private final class Events: Sendable {
    let all = Mutex<[PoolEvent]>([])
    func kinds() -> [PoolEvent.Kind] { all.withLock { $0.map(\.kind) } }
  }

  @Test func aCarrierThatGoesAndComesBackIsTold() async throws {
    let host = try await FakeHost()
    let pf = try #require(await host.manager.view().inventory.pf(named: "enp1s0"))
    let ifindex = pf.ifindex
    await host.manager.linkChanged(ifindex: ifindex, name: pf.name, carrier: true)
    let events = await watch(host)
    await host.manager.linkChanged(ifindex: ifindex, name: pf.name, carrier: false)
    await host.manager.linkChanged(ifindex: ifindex, name: pf.name, carrier: true)
    #expect(try await comesTrue { events.kinds() == [.carrierLost, .carrierBack] })
    #expect(events.all.withLock { $0.map(\.subject.pf) } == ["enp1s0", "enp1s0"])
  }

  @Test func whatCanNotBeRepairedIsTold() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    let events = await watch(host)
    let vf = VFIndex(pf: "enp1s0", index: 3)
    host.kernel.state.withLock {
      $0.vfs[vf]?.state?.spoofchk = false
      _ = $0.broken.insert(vf)
    }
    _ = try await host.manager.reconcile(plan: false)
    #expect(events.kinds().contains(.quarantined) || events.kinds().contains(.drift))
    await host.manager.libvirtDisconnected()
    await host.manager.libvirtDisconnected()
    #expect(events.kinds().filter { $0 == .libvirtLost }.count == 1)
  }

  @Test func refusalsAreCountedByPoolAndReason() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    for number in 1...7 {
      #expect(await host.libvirt.start(FakeLibvirt.guest(number, networks: ["sticky"]), host.manager) == nil)
    }
    for number in 8...9 {
      #expect(await host.libvirt.start(FakeLibvirt.guest(number, networks: ["sticky"]), host.manager) != nil)
    }
    let tally = await host.manager.tallyNow()
    #expect(tally.refusals == [.init(pool: "sticky", reason: .noFreeVF): 2])
    await host.libvirt.stop(FakeLibvirt.guest(1, networks: ["sticky"]).guest, host.manager)
    #expect(
      try await comesTrue {
        await host.manager.tallyNow().leasesEnded == [.init(pool: "sticky", outcome: "closed"): 1]
      })
  }
}
