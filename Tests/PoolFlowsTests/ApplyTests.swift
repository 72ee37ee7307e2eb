import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

struct ApplyTests {
  @Test func createsVFsRecordsBaselinesDefinesAndStarts() async throws {
    let host = try await FakeHost(kernel: FakeKernel(count: 0))
    let plan = try await host.manager.apply(netdef: FakeHost.spread, plan: true)
    #expect(!plan.done)
    #expect(plan.steps.first == "create 7 VFs on PF enp1s0 (it has 0)")
    #expect(host.kernel.state.withLock { $0.vfs.isEmpty })
    let result = try await host.manager.apply(netdef: FakeHost.spread, plan: false, ifPlan: plan.token)
    #expect(result.done)
    let contents = host.ledger.contents
    #expect(contents.baselines.count == 14)
    #expect(contents.netdefs["spread"] == FakeHost.spread)
    let pool = try #require(contents.pools["spread"])
    #expect(pool.addresses.count == 14)
    #expect(pool.addresses.prefix(2).map { host.kernel.id($0)?.description } == ["enp1s0/0", "enp2s0/0"])
    let network = try #require(try await host.libvirt.hostdevNetworks().first)
    #expect(network.active)
    #expect(network.autostart)
    #expect(host.kernel.state.withLock { $0.ownCounts.map(\.count) } == [7, 7])
  }

  @Test func whatWasDoneToANetworkIsSeenAtOnce() async throws {
    let host = try await FakeHost(kernel: FakeKernel(count: 0))
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    var seen = await host.manager.view().networks["spread"]
    #expect(seen?.active == true)
    #expect(seen?.autostart == true)
    _ = try await host.manager.stopPool("spread")
    seen = await host.manager.view().networks["spread"]
    #expect(seen?.active == false)
    _ = try await host.manager.startPool("spread")
    seen = await host.manager.view().networks["spread"]
    #expect(seen?.active == true)
  }

  @Test func plainNetworkOnACardWithoutVFsGetsThemAll() async throws {
    let host = try await FakeHost(kernel: FakeKernel(count: 0))
    let xml = "<network><name>plain</name><forward mode='hostdev' managed='yes'><pf dev='enp1s0'/></forward></network>"
    for _ in 1...2 {
      _ = try await host.manager.apply(netdef: xml, plan: false)
      #expect(host.kernel.state.withLock { $0.vfs.count } == 7)
      #expect(host.kernel.state.withLock { $0.ownCounts.map(\.name) } == ["enp1s0"])
      #expect(host.ledger.contents.pools["plain"]?.addresses.count == 7)
    }
  }

  @Test func countThatSomebodyElseMadeStaysTheirs() async throws {
    let host = try await FakeHost(kernel: FakeKernel(count: 3))
    _ = try await host.manager.apply(
      netdef: "<network><name>plain</name><forward mode='hostdev' managed='yes'><pf dev='enp1s0'/></forward></network>",
      plan: false)
    #expect(host.ledger.contents.pools["plain"]?.addresses.count == 3)
    #expect(host.kernel.state.withLock { $0.ownCounts } == [])
  }

  @Test func appliedTwiceDoesNothing() async throws {
    let host = try await FakeHost(kernel: FakeKernel(count: 0))
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    _ = try await host.manager.reconcile(plan: false)
    let again = try await host.manager.apply(netdef: FakeHost.spread, plan: true)
    #expect(again.steps == [])
  }

  @Test(arguments: [
    ("dev=\"enp1s0\"", "dev=\"enp9s0\"", "line 5: no PF enp9s0"),
    ("dev=\"enp2s0\" vfs=\"7\"", "dev=\"enp2s0\" vfs=\"8\"", "line 6: PF enp2s0 can have at most 7 VFs"),
    ("policy=\"spread\"", "policy=\"scatter\"", "line 7: "),
    ("mode=\"hostdev\"", "mode=\"nat\"", "hostdev"),
    ("<network>", "<domain>", "line 1"),
    ("<name>spread</name>", "<name>default</name>", "exists in libvirt"),
  ])
  func refusedBeforeAnythingChanges(_ from: String, _ to: String, _ reason: String) async throws {
    let host = try await FakeHost(kernel: FakeKernel(count: 0))
    let xml = FakeHost.spread.replacing(from, with: to)
    let error = await #expect(throws: FlowError.self) { try await host.manager.apply(netdef: xml, plan: false) }
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    #expect(host.ledger.contents == LedgerContents())
    #expect(host.kernel.state.withLock { $0.vfs.isEmpty })
    #expect(host.libvirt.state.withLock { $0.networks.isEmpty })
  }

  @Test func overlapIsRefusedByNameAndLine() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    }
    #expect(
      error?.message.contains("line 5: overlaps pool spread: both have enp1s0/0") == true, "\(error?.message ?? "")")
  }

  @Test(arguments: ["define", "autostart", "start"])
  func failureOfLibvirtIsUndone(_ call: String) async throws {
    let host = try await FakeHost(kernel: FakeKernel(count: 0))
    host.libvirt.state.withLock { $0.failing = [call] }
    await #expect(throws: FlowError.self) { try await host.manager.apply(netdef: FakeHost.spread, plan: false) }
    #expect(host.ledger.contents.pools.isEmpty)
    #expect(host.kernel.state.withLock { $0.vfs.isEmpty })
    #expect(host.kernel.state.withLock { $0.ownCounts.isEmpty })
    #expect(host.libvirt.state.withLock { $0.networks.isEmpty })
  }

  /// What an admin does to VFs that are in no pool stays when they are in one again, enforced at once or later.
  @Test(arguments: [true, false]) func whatVFsWereIsForgottenWithTheirPool(isAdopted: Bool) async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    #expect(host.ledger.contents.baselines.count == 14)
    #expect(try await host.manager.removePool("spread", plan: false).done)
    #expect(host.ledger.contents.baselines.isEmpty)
    let vf = VFIndex(pf: "enp1s0", index: 3)
    host.kernel.change(vf, VFSettings(trust: true, maxTxRate: 300))
    if isAdopted {
      let xml = "<network><name>p</name><forward mode='hostdev' managed='yes'><pf dev='enp1s0'/></forward></network>"
      _ = try await host.libvirt.define(xml: xml)
      try await host.libvirt.start(network: "p")
      _ = try await host.manager.reconcile(plan: false)
      #expect(try await host.manager.enforce(pool: "p", plan: false).done)
    } else {
      _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    }
    #expect(try await host.manager.reconcile(plan: false).drifts == [])
    let pci = try #require(host.kernel.pci("enp1s0", 3))
    #expect(host.ledger.contents.baselines[pci]?.state.trust == true)
    #expect(host.kernel[vf]?.trust == true && host.kernel[vf]?.maxTxRate == 300)
  }

  /// What a guest has left on a VF is no admin's wish.
  @Test func aDirtyVFsBaselineOutlivesItsPool() async throws {
    let host = try await FakeHost(settle: .seconds(600))
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    await host.manager.reconciledInBackground()
    let (vf, pci) = (VFIndex(pf: "enp1s0", index: 3), try #require(host.kernel.pci("enp1s0", 3)))
    host.kernel.change(vf, VFSettings(trust: true))
    #expect(try await host.manager.removePool("spread", plan: false).done)
    #expect(Array(host.ledger.contents.baselines.keys) == [pci])
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    _ = try await host.manager.reconcile(plan: false)
    #expect(host.ledger.contents.baselines[pci]?.state.trust != true && host.kernel[vf]?.trust != true)
  }

  /// A guest that has the VF by its address since before it was the pool's.
  @Test func whatAGuestHasSetIsNoBaseline() async throws {
    let host = try await FakeHost()
    let (vf, pci) = (VFIndex(pf: "enp1s0", index: 3), try #require(host.kernel.pci("enp1s0", 3)))
    let before = try #require(host.kernel[vf])
    var guest = FakeLibvirt.guest(1, networks: [])
    guest.nics = [.init(source: .hostdev(pci), mac: MACAddress(value: 0x5254_0000_0100), index: 0)]
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    #expect(host.kernel[vf]?.mac == guest.nics[0].mac)
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    #expect(host.ledger.contents.baselines[pci] == nil)
    await host.manager.reconciledInBackground()
    #expect(host.ledger.contents.leases.values.map(\.vf) == [pci])
    await host.libvirt.stop(guest.guest, host.manager)
    _ = try await host.manager.reconcile(plan: false)
    #expect(host.kernel[vf]?.mac == before.mac && host.ledger.contents.baselines[pci]?.state.mac == before.mac)
  }

  @Test func aListThatShrinksLeavesNoBaselineBehind() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let less = FakeHost.spread.replacing(#"<vfpool:pf dev="enp2s0" vfs="7"/>"#, with: "")
    #expect(try await host.manager.apply(netdef: less, plan: false).done)
    #expect(Set(host.ledger.contents.baselines.keys) == Set(host.ledger.contents.pools["spread"]?.addresses ?? []))
    #expect(host.ledger.contents.baselines.count == 7)
  }

  @Test func removeIsRefusedWhileLeasedAndThenForgetsAll() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["spread"])
    _ = await host.libvirt.start(guest, host.manager)
    let error = await #expect(throws: FlowError.self) { try await host.manager.removePool("spread", plan: false) }
    #expect(error?.message.contains("g1") == true)
    await host.libvirt.stop(guest.guest, host.manager)
    #expect(try await host.manager.removePool("spread", plan: false).done)
    #expect(host.ledger.contents.pools.isEmpty)
    #expect(host.libvirt.state.withLock { $0.networks.isEmpty })
    #expect(host.ledger.contents.bindings.count == 1)
  }

  @Test func enforceTouchesNoRunningGuestsVF() async throws {
    let host = try await FakeHost()
    _ = try await host.libvirt.define(
      xml: "<network><name>plain</name><forward mode='hostdev' managed='yes'><pf dev='enp1s0'/></forward></network>")
    try await host.libvirt.start(network: "plain")
    _ = await host.libvirt.start(FakeLibvirt.guest(1, networks: ["plain"]), host.manager)
    _ = try await host.manager.reconcile(plan: false)
    #expect(try await host.manager.enforce(pool: "plain", plan: false).done)
    #expect(host.kernel.writeCount == 0)
    #expect(host.ledger.contents.pools["plain"]?.mode == .enforce)
    #expect(host.ledger.contents.baselines.count == 6)
  }
}
