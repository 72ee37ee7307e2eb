import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

struct WatchTests {
  /// A host whose first guest has `enp1s0/0` of the pool.
  ///
  /// With `isStill` it looks only when it is told to.
  private func host(
    _ netdef: String = FakeHost.sticky, isStill: Bool = false
  ) async throws -> (host: FakeHost, guest: GuestDescription) {
    let host = try await FakeHost(settle: isStill ? .seconds(600) : .milliseconds(20))
    _ = try await host.manager.apply(netdef: netdef, plan: false)
    let guest = FakeLibvirt.guest(1, networks: [netdef == FakeHost.spread ? "spread" : "sticky"])
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    await host.manager.reconciledInBackground()
    if !isStill { await host.manager.pendingLook?.value }
    return (host, guest)
  }

  private let leased = VFIndex(pf: "enp1s0", index: 0)

  private func setCarrier(_ carrier: Bool, of ifindex: Int32, _ host: FakeHost) async {
    host.kernel.state.withLock { $0.pfs[Int(ifindex) - 1].carrier = carrier }
    await host.manager.linkChanged(ifindex: ifindex, name: "enp\(ifindex)s0", carrier: carrier)
  }

  private func problems(_ host: FakeHost) async -> [String] { await host.manager.view().problems }

  // MARK: Carrier

  @Test func guestsGetVFsOfAPFWithCarrierFirst() async throws {
    let (host, _) = try await host(FakeHost.spread)
    await setCarrier(false, of: 2, host)
    #expect(
      await problems(host) == ["PF enp2s0 has no carrier: its VFs in pools spread are handed out last"])
    let second = FakeLibvirt.guest(2, networks: ["spread"])
    #expect(await host.libvirt.start(second, host.manager) == nil)
    #expect(host.ledger.contents.leases.values.allSatisfy { $0.vfIndex?.pf == "enp1s0" })
  }

  @Test func aCarrierThatIsBackCountsAfterAWhile() async throws {
    let (host, _) = try await host(FakeHost.spread)
    await setCarrier(false, of: 2, host)
    await setCarrier(true, of: 2, host)
    #expect(await problems(host).first?.hasPrefix("PF enp2s0 had no carrier a moment ago") == true)
    // It flaps: its time starts anew.
    await setCarrier(false, of: 2, host)
    #expect(await problems(host).first?.hasPrefix("PF enp2s0 has no carrier") == true)
    #expect(await host.manager.recoveries.isEmpty)
    _ = await host.manager.view()
    #expect(await host.manager.losses["enp2s0"]?.count == 2)
    await setCarrier(true, of: 2, host)
    try await eventually("the PF is healthy") { await problems(host).isEmpty }
    #expect(await host.manager.unhealthyPFs.isEmpty)
  }

  @Test(arguments: [WhenDown.allow, .refuse, .ignore], [nil, "bond0"])
  func theCarrierCountsUnlessThePoolOrABondSaysOtherwise(whenDown: WhenDown, bond: String?) async throws {
    let host = try await FakeHost()
    await setCarrier(false, of: 1, host)
    var pf = host.kernel.state.withLock { $0.pfs[0] }
    pf.bond = bond
    let carrier = await host.manager.carrier(of: pf, for: Pool(name: "p", whenDown: whenDown))
    #expect(carrier == (whenDown == .ignore || bond != nil ? nil : false))
  }

  @Test func aLinkThatComesUpForTheFirstTimeIsHealthyAtOnce() async throws {
    let kernel = FakeKernel()
    kernel.state.withLock { $0.pfs[0].carrier = nil }
    let host = try await FakeHost(kernel: kernel)
    for carrier in [false, true] { await setCarrier(carrier, of: 1, host) }
    #expect(await host.manager.unhealthyPFs.isEmpty)
  }

  @Test func aLinkThatGoesBecauseTheVFsChangeDoesNotFlap() async throws {
    let host = try await FakeHost()
    for count in [3, 5, 4] {
      await setCarrier(false, of: 1, host)
      host.kernel.state.withLock { $0.pfs[0].numVFs = count }
      _ = await host.manager.view()
      #expect(await host.manager.unhealthyPFs == ["enp1s0"])
      await setCarrier(true, of: 1, host)
      #expect(await host.manager.unhealthyPFs.isEmpty)
    }
    #expect(await host.manager.losses["enp1s0"] == nil)
  }

  @Test func aNewCardDoesNotInheritTheHealthOfItsName() async throws {
    let host = try await FakeHost()
    await setCarrier(false, of: 1, host)
    let pf = host.kernel.state.withLock { $0.pfs.remove(at: 0) }
    _ = await host.manager.view()
    host.kernel.state.withLock {
      $0.pfs.insert(pf, at: 0)
      $0.pfs[0].carrier = true
    }
    _ = await host.manager.view()
    #expect(await host.manager.unhealthyPFs.isEmpty)
  }

  @Test func aCarrierThatNobodyKnowsChangesNothing() async throws {
    let host = try await FakeHost()
    await setCarrier(false, of: 1, host)
    await host.manager.linkChanged(ifindex: 1, name: "enp1s0", carrier: nil)
    #expect(await host.manager.unhealthyPFs == ["enp1s0"])
    await host.manager.linkChanged(ifindex: 99, name: "tap0", carrier: false)
    #expect(await host.manager.unhealthyPFs == ["enp1s0"])
  }

  // MARK: Outside changes

  @Test func aChangeOfALeasedVFIsReportedAndLeftAlone() async throws {
    let (host, guest) = try await host()
    let before = host.kernel.writeCount
    host.kernel.change(leased, VFSettings(trust: true))
    await host.manager.linkChanged(ifindex: 1, name: "enp1s0", carrier: true)
    try await eventually("it is reported") { await !problems(host).isEmpty }
    #expect(
      await problems(host) == [
        "enp1s0/0 was changed under guest \(guest.guest.name): it has trust on, the guest was given trust off"
      ])
    #expect(host.kernel.writeCount == before)
    host.kernel.change(leased, VFSettings(trust: false))
    #expect(await problems(host).isEmpty)
  }

  @Test func aPoolThatSaysSoPutsItBack() async throws {
    let netdef = FakeHost.sticky.replacing("pool:1\">", with: "pool:1\" enforce=\"yes\">")
    let (host, guest) = try await host(netdef)
    host.kernel.change(leased, VFSettings(vlan: .untagged, spoofchk: false))
    await host.manager.linkChanged(ifindex: 1, name: "enp1s0", carrier: true)
    try await eventually("it is put back") { host.kernel[leased]?.spoofchk == true }
    #expect(host.kernel[leased]?.vlan?.id == 42)
    #expect(host.kernel[leased]?.mac == guest.nics[0].mac)
    #expect(await problems(host).isEmpty)
  }

  @Test func oneLookIsNotEnough() async throws {
    let (host, _) = try await host(isStill: true)
    host.kernel.change(leased, VFSettings(trust: true))
    await host.manager.lookForOutsideChanges()
    #expect(await problems(host).isEmpty)
    host.kernel.change(leased, VFSettings(trust: false))
    await host.manager.lookForOutsideChanges()
    #expect(await problems(host).isEmpty)
  }

  @Test func whatAnAdminChangesUnderAGuestIsExpectedFromThenOn() async throws {
    let (host, guest) = try await host(isStill: true)
    _ = try await host.manager.setVFs(["enp1s0/0"], VFSettings(trust: true), disrupt: [guest.guest.name])
    for _ in 1...2 { await host.manager.lookForOutsideChanges() }
    #expect(await problems(host).isEmpty)
    #expect(host.ledger.contents.leases.values.first?.settings?.trust == true)
  }

  @Test func anAdminsChangeAcceptsNoOtherOne() async throws {
    let (host, guest) = try await host(isStill: true)
    host.kernel.change(leased, VFSettings(trust: true))
    _ = try await host.manager.setVFs(["enp1s0/0"], VFSettings(maxTxRate: 100), disrupt: [guest.guest.name])
    let settings = host.ledger.contents.leases.values.first?.settings
    #expect(settings?.maxTxRate == 100)
    #expect(settings?.trust == false)
  }

  @Test func whatAVFDoesNotTakeIsTriedOnce() async throws {
    let netdef = FakeHost.sticky.replacing("pool:1\">", with: "pool:1\" enforce=\"yes\">")
    let (host, _) = try await host(netdef, isStill: true)
    host.kernel.change(leased, VFSettings(trust: true))
    host.kernel.state.withLock { _ = $0.deaf.insert(leased) }
    for _ in 1...2 { await host.manager.lookForOutsideChanges() }
    let writes = host.kernel.writeCount
    for _ in 1...3 { await host.manager.lookForOutsideChanges() }
    #expect(host.kernel.writeCount == writes)
    #expect(await problems(host).count == 1)
  }

  /// libvirt takes MAC and VLAN from the VFs of a guest that stops before it deletes the ports.
  @Test func aGuestThatStopsIsNotChangedBySomebodyElse() async throws {
    let netdef = FakeHost.sticky.replacing("pool:1\">", with: "pool:1\" enforce=\"yes\">")
    let (host, guest) = try await host(netdef, isStill: true)
    _ = host.libvirt.state.withLock { $0.running.removeValue(forKey: guest.guest.uuid) }
    host.kernel.change(leased, VFSettings(mac: .zero, vlan: .untagged))
    let writes = host.kernel.writeCount
    for _ in 1...3 { await host.manager.lookForOutsideChanges() }
    #expect(host.kernel.writeCount == writes)
    #expect(await problems(host).isEmpty)
  }

  @Test func aTrustedGuestMayChangeItsMAC() async throws {
    let (host, _) = try await host(FakeHost.spread, isStill: true)
    host.kernel.change(leased, VFSettings(mac: MACAddress(value: 0x0200_0000_0099)))
    for _ in 1...2 { await host.manager.lookForOutsideChanges() }
    #expect(await problems(host).isEmpty)
  }

  /// What a VF has before libvirt has set it up is nobody's settings.
  @Test func aGuestMetBeforeItsMACIsSetHasNoKnownSettings() async throws {
    let (host, guest) = try await host(isStill: true)
    host.kernel.change(leased, VFSettings(mac: .zero))
    _ = await host.manager.view()
    let port = try #require(host.libvirt.ports("sticky").first)
    let lease = try #require(host.ledger.contents.leases.values.first)
    try await host.manager.commit([lease.ended(by: .evicted, at: lease.since)])
    try await host.manager.adoptRunning(port, "sticky")
    #expect(host.ledger.contents.leases.values.first?.guest == guest.guest)
    #expect(host.ledger.contents.leases.values.first?.settings == nil)
  }

  @Test func changesMadeWhileNobodyWatchedAreFoundAfterwards() async throws {
    let (host, _) = try await host()
    host.kernel.change(leased, VFSettings(maxTxRate: 100))
    let manager = try await host.restarted()
    await manager.libvirtConnected()
    try await eventually("it is reported") {
      await manager.view().problems.contains { $0.contains("it has maxTxRate 100") }
    }
  }

  // MARK: VFs that the host uses

  private func setHostUse(_ use: String?, of vf: VFIndex, _ host: FakeHost) {
    host.kernel.state.withLock { $0.vfs[vf]?.hostUse = use }
  }

  private func parked(_ host: FakeHost) -> [PCIAddress] {
    host.libvirt.ports("sticky").filter(\.isHold).compactMap(\.vf)
  }

  @Test func whatTheHostUsesIsParkedAsLongAsItDoes() async throws {
    let (host, _) = try await host()
    let mine = VFIndex(pf: "enp1s0", index: 3)
    let pci = try #require(host.kernel.pci("enp1s0", 3))
    host.kernel.state.withLock { $0.vfs[mine]?.ifindex = 33 }
    await host.manager.netdevChanged(of: pci, ifindex: 33, isUsed: false)
    #expect(await host.manager.pendingDeviceLook == nil)
    setHostUse("has address 192.0.2.1", of: mine, host)
    await host.manager.useChanged(ofNetdev: 33, isUsed: true)
    try await eventually("it is parked") { parked(host) == [pci] }
    #expect(host.ledger.contents.holds.values.map(\.vf) == [pci])
    #expect(try await host.manager.reconcile(plan: true).drifts.isEmpty)
    // Starts drop their own holds only.
    let second = FakeLibvirt.guest(2, networks: ["sticky"])
    #expect(await host.libvirt.start(second, host.manager) == nil)
    #expect(parked(host) == [pci])
    setHostUse(nil, of: mine, host)
    await host.manager.useChanged(ofNetdev: 33, isUsed: false)
    try await eventually("it is free again") { parked(host).isEmpty }
    #expect(host.ledger.contents.holds.isEmpty)
  }

  @Test func whatIsKnownOfAUseIsNotLookedAtAgain() async throws {
    let (host, _) = try await host()
    let mine = VFIndex(pf: "enp1s0", index: 3)
    let pci = try #require(host.kernel.pci("enp1s0", 3))
    host.kernel.state.withLock { $0.vfs[mine]?.ifindex = 33 }
    setHostUse("has address 192.0.2.1", of: mine, host)
    _ = await host.manager.view()
    // A DHCP lease is renewed; the link's statistics change.
    await host.manager.useChanged(ofNetdev: 33, isUsed: true)
    await host.manager.netdevChanged(of: pci, ifindex: 33, isUsed: false)
    #expect(await host.manager.pendingDeviceLook == nil)
  }

  @Test func aPFThatIsRenamedAndThenGoneIsNoDanger() async throws {
    let (host, _) = try await host()
    _ = host.kernel.state.withLock { $0.pfs.removeLast() }
    await host.manager.linkChanged(ifindex: 2, name: "wan0", carrier: true)
    #expect(await host.manager.inventory.pfs.map(\.name) == ["enp1s0"])
  }

  @Test func aVFInABridgeOrAwayIsLookedAtAtOnce() async throws {
    let (host, guest) = try await host()
    let pci = try #require(host.kernel.pci("enp1s0", 3))
    await host.manager.netdevChanged(of: pci, ifindex: 33, isUsed: true)
    #expect(await host.manager.pendingDeviceLook != nil)
    await host.manager.pendingDeviceLook?.value
    // A guest's own VF going to vfio and back is libvirt's doing.
    let leased = try #require(host.libvirt.vf(of: guest.guest, "sticky"))
    await host.manager.netdevChanged(of: leased, ifindex: nil, isUsed: true)
    await host.manager.driverBound(to: leased, isVFIO: true)
    #expect(await host.manager.pendingDeviceLook == nil)
  }

  @Test func aForeignProcessOnVFIOParksTheVF() async throws {
    let (host, _) = try await host()
    let mine = VFIndex(pf: "enp1s0", index: 5)
    let pci = try #require(host.kernel.pci("enp1s0", 5))
    host.kernel.bind(mine, to: "vfio-pci")
    host.kernel.state.withLock { $0.vfs[mine]?.iommuGroup = 17 }
    host.devices.state.withLock { $0.users = ["/dev/vfio/17": ["dpdk-testpmd (process 4711)"]] }
    await host.manager.driverBound(to: pci, isVFIO: true)
    try await eventually("it is parked") { parked(host) == [pci] }
    #expect(
      await host.manager.view().standings[pci]?.standing
        == .hostUsed("dpdk-testpmd (process 4711) drives it through vfio"))
    await #expect(throws: FlowError.self) {
      try await host.manager.setVFs(["enp1s0/5"], VFSettings(trust: true), disrupt: [])
    }
    host.devices.state.withLock { $0.users = [:] }
    host.kernel.bind(mine, to: "igbvf")
    await host.manager.driverBound(to: pci, isVFIO: false)
    try await eventually("it is free again") { parked(host).isEmpty }
  }

  // MARK: Devices

  @Test func comingAndGoingDevicesAreReconciled() async throws {
    let (host, guest) = try await host()
    await host.libvirt.stop(guest.guest, host.manager)
    await host.manager.reconciledInBackground()
    host.kernel.bind(leased, to: "igbvf")
    host.kernel.change(leased, VFSettings(trust: true))
    await host.manager.devicesChanged()
    try await eventually("reconciling puts the free VF back") { host.kernel[leased]?.trust == false }
  }
}
