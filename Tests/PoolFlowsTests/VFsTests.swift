import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

struct VFsTests {
  @Test func quarantinedByAnAdminUntilItIsTakenBack() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    let first = try #require(host.kernel.pci("enp1s0", 0))
    _ = try await host.manager.quarantine("enp1s0/0", why: " cable\n test ")
    #expect(host.ledger.contents.quarantines[first]?.why == "cable test")
    try await eventually("it is parked") { host.libvirt.ports("sticky").map(\.vf) == [first] }
    await #expect(throws: FlowError.self) { _ = try await host.manager.quarantine("enp1s0/0", why: "again") }
    let guest = FakeLibvirt.guest(1, networks: ["sticky"])
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    #expect(host.libvirt.vf(of: guest.guest, "sticky") == host.kernel.pci("enp1s0", 1))
    await #expect(throws: FlowError.self) { _ = try await host.manager.quarantine("enp1s0/1", why: "in use") }
    await #expect(throws: FlowError.self) { _ = try await host.manager.quarantine("enp1s0/2", why: "  ") }
    _ = try await host.manager.unquarantine("enp1s0/0")
    #expect(host.libvirt.ports("sticky").map(\.vf) == [host.kernel.pci("enp1s0", 1)])
  }

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

  private func savedCounts(_ host: FakeHost) -> [String] {
    host.kernel.state.withLock { $0.ownCounts.map { "\($0.name) \($0.count)" } }
  }

  @Test func aCountThatAnAdminSetComesBackAfterABoot() async throws {
    let host = try await FakeHost(kernel: FakeKernel(count: 3))
    let same = try await host.manager.setVFCount(3, pf: "enp1s0", plan: false)
    #expect(same.steps == ["make 3 VFs on PF enp1s0 after each boot"])
    #expect(savedCounts(host) == ["enp1s0 3"])
    #expect(try await host.manager.setVFCount(3, pf: "enp1s0", plan: false).steps.isEmpty)
    _ = try await host.manager.setVFCount(4, pf: "enp1s0", plan: false)
    #expect(savedCounts(host) == ["enp1s0 4"])
    #expect(try await host.restarted().contents.counts.values.map(\.count) == [4])
    host.kernel.state.withLock { $0.countFails = true }
    await #expect(throws: FlowError.self) { try await host.manager.setVFCount(5, pf: "enp1s0", plan: false) }
    #expect(host.ledger.contents.counts.values.map(\.count) == [4])
    host.kernel.state.withLock { $0.countFails = false }
    _ = try await host.manager.setVFCount(0, pf: "enp1s0", plan: false)
    #expect(savedCounts(host) == [])
    #expect(host.ledger.contents.counts.isEmpty)
  }

  @Test func aPoolTakesACountOver() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.setVFCount(7, pf: "enp1s0", plan: false)
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    #expect(host.ledger.contents.counts.isEmpty)
    #expect(savedCounts(host) == ["enp1s0 7"])
    #expect(
      try await host.manager.setVFCount(7, pf: "enp1s0", plan: false).notes == ["PF enp1s0 has 7 VFs already"])
  }

  @Test func aCountThatSomebodyElseSetsStaysTheirs() async throws {
    let host = try await FakeHost(kernel: FakeKernel(count: 3))
    let writer = "/etc/systemd/network/10-sriov.link:5: SR-IOVVirtualFunctions=3"
    host.kernel.state.withLock { $0.countWriters = ["enp1s0": [writer]] }
    let plan = try await host.manager.setVFCount(4, pf: "enp1s0", plan: true)
    #expect(plan.notes == ["refused as it is: how many VFs PF enp1s0 has is set by \(writer)"])
    for error in [
      await #expect(throws: FlowError.self) { try await host.manager.setVFCount(4, pf: "enp1s0", plan: false) },
      await #expect(throws: FlowError.self) { try await host.manager.apply(netdef: FakeHost.sticky, plan: false) },
    ] { #expect(error?.message.contains(writer) == true) }
    #expect(host.kernel.state.withLock { $0.pfs[0].numVFs } == 3)
    let three = FakeHost.sticky.replacing("vfs=\"7\"", with: "vfs=\"3\"")
    let applied = try await host.manager.apply(netdef: three, plan: false)
    #expect(applied.done)
    #expect(applied.notes.contains("how many VFs PF enp1s0 has stays with what else sets it: \(writer)"))
    #expect(savedCounts(host) == ["enp1s0 3"])
  }

  @Test func aWriterThatComesLaterIsTold() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    #expect(savedCounts(host) == ["enp1s0 7"])
    host.kernel.state.withLock { $0.countWriters = ["enp1s0": ["/etc/rc.local:3: echo 4 > …"]] }
    let manager = try await host.restarted()
    // vfpool boot sees it, too, and leaves the count alone for as long as that is there.
    #expect(savedCounts(host) == ["enp1s0 7"])
    #expect(
      await manager.problems["count enp1s0"]
        == "how many VFs PF enp1s0 has is also set elsewhere, and is left to that; vfpool wanted 7: "
        + "/etc/rc.local:3: echo 4 > …")
    host.kernel.state.withLock { $0.countWriters = [:] }
    await manager.libvirtConnected()
    await manager.reconciledInBackground()
    #expect(await manager.problems["count enp1s0"] == nil)
  }

  /// A card that is late, or has another name since this boot, keeps its count.
  @Test func aCardThatIsNotHereKeepsItsCount() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    #expect(savedCounts(host) == ["enp1s0 7", "enp2s0 7"])
    let card = host.kernel.state.withLock { $0.pfs.remove(at: 0) }
    let manager = try await host.restarted()
    #expect(savedCounts(host) == ["enp1s0 7", "enp2s0 7"])
    try await manager.saveOwnCounts()
    #expect(savedCounts(host) == ["enp1s0 7", "enp2s0 7"])
    host.kernel.state.withLock {
      $0.pfs.insert(card, at: 0)
      $0.pfs[0].name = "wan0"
    }
    _ = await manager.view()
    try await manager.saveOwnCounts()
    #expect(savedCounts(host) == ["enp1s0 7", "enp2s0 7"])
  }

  @Test func aPFThatCanNotServeGetsNoVFs() async throws {
    let host = try await FakeHost(kernel: FakeKernel(count: 0))
    host.kernel.state.withLock { $0.pfs[0].unsupported = "its card is in switchdev mode" }
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.setVFCount(4, pf: "enp1s0", plan: false)
    }
    #expect(error?.message == "PF enp1s0 can't serve guests: its card is in switchdev mode")
  }

  // MARK: Reset

  @Test func aVFThatNobodyHasIsResetByItsCardAndHeldMeanwhile() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    await host.manager.reconciledInBackground()
    let vf = VFIndex(pf: "enp1s0", index: 2)
    let pci = try #require(host.kernel.pci("enp1s0", 2))
    host.kernel.change(vf, VFSettings(trust: true))
    #expect(try await host.manager.resetVF("enp1s0/2", disrupt: []).state?.trust == false)
    #expect(host.kernel.state.withLock { $0.resets } == [pci])
    #expect(host.libvirt.state.withLock { $0.calls.count { $0 == "claim \(pci)" } } == 1)
    #expect(host.libvirt.ports("sticky").isEmpty)
    #expect(host.ledger.contents.holds.isEmpty)
    host.kernel.state.withLock { $0.resetFails = true }
    let error = await #expect(throws: FlowError.self) { try await host.manager.resetVF("enp1s0/2", disrupt: []) }
    #expect(error?.message == "enp1s0/2 could not be reset: inappropriate ioctl for device")
    #expect(host.libvirt.ports("sticky").isEmpty)
  }

  @Test func aCleanResetEndsAQuarantine() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    await host.manager.reconciledInBackground()
    let vf = VFIndex(pf: "enp1s0", index: 2)
    let pci = try #require(host.kernel.pci("enp1s0", 2))
    await host.manager.quarantine(pci, "test")
    try await eventually("it is parked") { host.libvirt.ports("sticky").contains { $0.isHold && $0.vf == pci } }
    host.kernel.change(vf, VFSettings(trust: true))
    host.kernel.state.withLock { _ = $0.deaf.insert(vf) }
    await #expect(throws: FlowError.self) { try await host.manager.resetVF("enp1s0/2", disrupt: []) }
    #expect(host.ledger.contents.quarantines[pci] != nil)
    host.kernel.state.withLock { _ = $0.deaf.remove(vf) }
    _ = try await host.manager.resetVF("enp1s0/2", disrupt: [])
    #expect(host.ledger.contents.quarantines.isEmpty)
    #expect(host.libvirt.ports("sticky").isEmpty)
  }

  @Test func aGuestsVFIsNotResetByItsCard() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["sticky"])
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    _ = try await host.manager.resetVF("enp1s0/0", disrupt: [guest.guest.name])
    #expect(host.kernel.state.withLock { $0.resets }.isEmpty)
  }
}
