import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

struct VFsTests {
  @Test func manyAreSetInOneGoAndWhatIsSoAlreadyIsNotWritten() async throws {
    let host = try await FakeHost()
    host.kernel.change(VFIndex(pf: "enp1s0", index: 2), VFSettings(trust: true))
    let vfs = try await host.manager.setVFs(
      ["enp1s0/0-3", "enp2s0/*", "enp1s0/1"], VFSettings(trust: true), disrupt: [])
    #expect(vfs.count == 4 + 7)
    #expect(vfs.allSatisfy { $0.state?.trust == true })
    #expect(host.kernel.writeCount == 10)
  }

  @Test func vfThatDoesNotTakeItAllIsPutBack() async throws {
    let host = try await FakeHost()
    let (picky, other) = (VFIndex(pf: "enp1s0", index: 1), VFIndex(pf: "enp1s0", index: 0))
    let before = try #require(host.kernel[picky])
    host.kernel.state.withLock { $0.picky = [picky] }
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.setVFs(["enp1s0/0-1"], VFSettings(trust: true, maxTxRate: 500), disrupt: [])
    }
    #expect(error?.message.contains("enp1s0/1 did not take maxTxRate 500") == true)
    #expect(error?.message.contains("the others are set") == true)
    #expect(host.kernel[picky] == before)
    #expect(host.kernel[other]?.maxTxRate == 500)
  }

  @Test func allThatFailAreCounted() async throws {
    let host = try await FakeHost()
    host.kernel.state.withLock { state in state.broken = Set(state.vfs.keys) }
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.setVFs(["enp1s0/*", "enp2s0/*"], VFSettings(trust: true), disrupt: [])
    }
    #expect(error?.message.contains("and 6 more") == true)
    #expect(error?.message.contains("no VF was changed") == true)
  }

  @Test(arguments: ["enp1s0/5-9", "enp1s0/0-9223372036854775807", "enp9s0/*", "enp1s0/3-1", "enp1s0/-1", "enp1s0/"])
  func namesThatMeanNoVF(name: String) async throws {
    let host = try await FakeHost()
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.setVFs(["enp1s0/0", name], VFSettings(trust: true), disrupt: [])
    }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains(name) == true)
    #expect(host.kernel.writeCount == 0)
  }

  @Test(arguments: [
    (["enp1s0/0-1"], VFSettings(mac: MACAddress(value: 0x0200_0000_0001)), "can't all have MAC"),
    (["enp1s0/0"], VFSettings(mac: MACAddress(value: 0x0100_0000_0001)), "multicast"),
    (["enp1s0/0"], VFSettings(vlan: .tagged(VLANTag(id: 4095))), "VLAN 4095"),
    (["enp1s0/0"], VFSettings(minTxRate: 10, maxTxRate: 5), "minimal rate 10"),
  ])
  func whatNoCardCanDo(names: [String], settings: VFSettings, text: String) async throws {
    let host = try await FakeHost()
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.setVFs(names, settings, disrupt: [])
    }
    #expect(error?.code == .invalid)
    #expect(error?.message.contains(text) == true)
    #expect(host.kernel.writeCount == 0)
  }

  @Test func leasedVFAmongManyStopsAll() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    _ = await host.libvirt.start(FakeLibvirt.guest(1, networks: ["spread"]), host.manager)
    let writes = host.kernel.writeCount
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.setVFs(["enp1s0/*"], VFSettings(rssQuery: true), disrupt: [])
    }
    #expect(error?.code == .refused)
    #expect(error?.message.contains("--disrupt g1") == true)
    #expect(host.kernel.writeCount == writes)
  }

  @Test func aResetUnderAGuestReallyResets() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["spread"])
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    let vf = VFIndex(pf: "enp1s0", index: 0)
    let error = await #expect(throws: FlowError.self) { try await host.manager.resetVF("\(vf)", disrupt: []) }
    #expect(error?.message.contains("--disrupt \(guest.guest.name)") == true)
    #expect(try await host.manager.resetVF("\(vf)", disrupt: [guest.guest.name]).state?.trust == false)
    #expect(host.kernel[vf]?.maxTxRate == 0)
    #expect(host.ledger.contents.leases.values.first?.settings?.trust == false)
    host.kernel.change(vf, VFSettings(trust: true))
    host.kernel.state.withLock { _ = $0.deaf.insert(vf) }
    await #expect(throws: FlowError.self) { try await host.manager.resetVF("\(vf)", disrupt: [guest.guest.name]) }
  }

  // MARK: Counts

  @Test func aNewCountsPlanNamesEveryGuestLeaseAndPool() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    let guests = (1...2).map { FakeLibvirt.guest($0, networks: ["sticky"]) }
    for guest in guests { #expect(await host.libvirt.start(guest, host.manager) == nil) }
    let plan = try await host.manager.setVFCount(4, pf: "enp1s0", plan: true)
    #expect(plan.disruptedGuests == guests.map(\.guest.name))
    let lines = guests.indices.map { number in
      "enp1s0/\(number): guest \(guests[number].guest.name), lease \(number + 1) of pool sticky, MAC "
        + "\(guests[number].nics[0].mac.map { "\($0)" } ?? ""); stop the guest"
    }
    let pool = "pool sticky has 7 of them; remove the pool or apply it changed"
    #expect(plan.notes == ["refused as it is: a new count takes every VF of enp1s0 away"] + lines + [pool])
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.setVFCount(4, pf: "enp1s0", plan: false)
    }
    for line in lines + [pool] { #expect(error?.message.contains(line) == true) }
    #expect(host.kernel.state.withLock { $0.pfs[0].numVFs } == 7)
  }

  @Test func aCountThatFailsIsPutBack() async throws {
    let host = try await FakeHost(kernel: FakeKernel(count: 3))
    host.kernel.state.withLock { $0.countFails = true }
    await #expect(throws: FlowError.self) { try await host.manager.setVFCount(4, pf: "enp1s0", plan: false) }
    #expect(host.kernel.state.withLock { $0.vfs.keys.count { $0.pf == "enp1s0" } } == 3)
    host.kernel.state.withLock { $0.countFails = false }
    let plan = try await host.manager.setVFCount(4, pf: "enp1s0", plan: true)
    #expect(plan.notes == [])
    #expect(try await host.manager.setVFCount(4, pf: "enp1s0", plan: false, ifPlan: plan.token).done)
    #expect(host.kernel.state.withLock { $0.pfs[0].numVFs } == 4)
  }
}
