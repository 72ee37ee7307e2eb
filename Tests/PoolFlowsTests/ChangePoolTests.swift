import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

/// A netdef that is applied once more, changed, while guests run.
struct ChangePoolTests {
  private static func netdef(_ pfs: String, more: String = "", network: String = "") -> String {
    """
    <network>
      <name>p</name>
      <metadata>
        <vfpool:pool xmlns:vfpool="urn:vfpool:pool:1">
          \(pfs)
          \(more)
        </vfpool:pool>
      </metadata>
      <forward mode="hostdev" managed="yes"><driver name="vfio"/></forward>
      \(network)
    </network>
    """
  }

  private static let one = netdef(#"<vfpool:pf dev="enp1s0" vfs="7"/>"#)
  private static let two = netdef(#"<vfpool:pf dev="enp1s0" vfs="7"/><vfpool:pf dev="enp2s0" vfs="7"/>"#)

  /// Pool `p` as the netdef says, and so many guests on it.
  private static func host(_ xml: String = one, guests: Int, turnLimit: Duration = .seconds(5)) async throws -> FakeHost
  {
    let host = try await FakeHost(turnLimit: turnLimit)
    _ = try await host.manager.apply(netdef: xml, plan: false)
    for number in 0..<guests {
      #expect(await host.libvirt.start(FakeLibvirt.guest(number, networks: ["p"]), host.manager) == nil)
    }
    await host.manager.reconciledInBackground()
    host.libvirt.state.withLock { $0.calls = [] }
    return host
  }

  private func calls(_ host: FakeHost, _ word: String) -> Int {
    host.libvirt.state.withLock { $0.calls.count { $0 == word || $0.hasPrefix(word + " ") } }
  }

  private func mustBeWhole(_ host: FakeHost, ports: [NetworkPort]) async throws {
    #expect(Set(host.libvirt.ports("p")) == Set(ports))
    #expect(host.libvirt.connections("p") == ports.count)
    #expect(try await host.manager.reconcile(plan: true).drifts == [])
    #expect(host.ledger.contents.pools["p"]?.unfinished == nil)
  }

  /// vfpoold died after the network was started again: libvirt lists more than the ledger knows.
  @Test func aRestartThatBrokeOffIsEndedInOneReconciling() async throws {
    let host = try await Self.host(Self.two, guests: 2)
    let ports = host.libvirt.ports("p")
    var pool = try #require(host.ledger.contents.pools["p"])
    let listed = pool.addresses
    pool.addresses = Array(listed.prefix(7))
    pool.unfinished = .restart
    try await host.ledger.commit([.savePool(pool, netdef: Self.one)])
    let manager = try await host.restarted()
    await manager.libvirtConnected()
    await manager.reconciledInBackground()
    #expect(try await manager.reconcile(plan: true).drifts == [])
    #expect(Set(host.libvirt.ports("p")) == Set(ports))
    let after = host.ledger.contents.pools["p"]
    #expect(after?.unfinished == nil && after?.addresses == listed)
  }

  @Test func aPFMoreKeepsTheGuestsVFs() async throws {
    let host = try await Self.host(guests: 2)
    let ports = host.libvirt.ports("p")
    let writes = host.kernel.writeCount
    let plan = try await host.manager.apply(netdef: Self.two, plan: true)
    #expect(plan.changes == [PoolChange("VFs enp2s0/0-6 join the pool", .now, restartsNetwork: true)])
    #expect(plan.steps.contains("restart network p"))
    #expect(plan.notes == ["guests g0, g1 keep their VFs: they are claimed again in the same breath"])
    #expect(plan.disruptedGuests == [])
    _ = try await host.manager.apply(netdef: Self.two, plan: false, ifPlan: plan.token)
    await host.manager.reconciledInBackground()
    try await mustBeWhole(host, ports: ports)
    #expect(host.kernel.writeCount == writes)
    #expect(host.ledger.contents.pools["p"]?.addresses.count == 14)
    #expect(calls(host, "stop") == 1)
    #expect(calls(host, "clear") == 0)
    let again = try await host.manager.apply(netdef: Self.two, plan: true)
    #expect(again.steps == [] && again.changes == [])
    // libvirt knows what is taken: all the others are to be had, and no more.
    for number in 2..<14 {
      #expect(await host.libvirt.start(FakeLibvirt.guest(number, networks: ["p"]), host.manager) == nil)
    }
    #expect(await host.libvirt.start(FakeLibvirt.guest(14, networks: ["p"]), host.manager) != nil)
  }

  @Test func settingsNeedNoRestartAndReachGuestsAtTheirNextStart() async throws {
    let host = try await Self.host(guests: 2)
    let xml = Self.netdef(#"<vfpool:pf dev="enp1s0" vfs="7"/>"#, more: #"<vfpool:vf maxTxRate="800"/>"#)
    let plan = try await host.manager.apply(netdef: xml, plan: false)
    #expect(plan.changes.map { "\($0)" } == ["maxTxRate 800 is new: for g0, g1 at their next start, for others now"])
    #expect(plan.steps == ["redefine network p"])
    #expect(calls(host, "stop") + calls(host, "drop") + calls(host, "claim") + calls(host, "clear") == 0)
    let vf = VFIndex(pf: "enp1s0", index: 0)
    #expect(host.kernel[vf]?.maxTxRate == 0)
    let guest = FakeLibvirt.guest(0, networks: ["p"])
    await host.libvirt.stop(guest.guest, host.manager)
    _ = await host.libvirt.start(guest, host.manager)
    #expect(host.kernel[vf]?.maxTxRate == 800)
  }

  @Test func anotherOrderWaitsForTheNetworksNextStart() async throws {
    let host = try await Self.host(Self.two, guests: 1)
    let spread = Self.netdef(
      #"<vfpool:pf dev="enp1s0" vfs="7"/><vfpool:pf dev="enp2s0" vfs="7"/>"#,
      more: #"<vfpool:placement policy="spread"/>"#)
    #expect(try await host.manager.apply(netdef: spread, plan: false).steps == ["redefine network p"])
    #expect(calls(host, "stop") == 0)
    #expect(host.ledger.contents.pools["p"]?.placement.policy == .spread)
    // Placement doesn't need the order.
    _ = await host.libvirt.start(FakeLibvirt.guest(1, networks: ["p"]), host.manager)
    let vf = try #require(host.libvirt.vf(of: FakeLibvirt.guest(1, networks: []).guest, "p"))
    #expect(host.kernel.id(vf)?.pf == "enp2s0")
    #expect(try await host.manager.apply(netdef: spread, plan: true).steps == [])
  }

  @Test func aVFThatAGuestHasDoesNotLeave() async throws {
    let host = try await Self.host(guests: 2)
    let ports = host.libvirt.ports("p")
    let small = Self.netdef(#"<vfpool:pf dev="enp1s0" vfs="7" range="1-6"/>"#)
    let before = host.ledger.contents
    let plan = try await host.manager.apply(netdef: small, plan: true)
    #expect(plan.disruptedGuests == ["g0"])
    #expect(
      plan.changes.map { "\($0)" } == [
        "VFs enp1s0/0 leave the pool, of which guests have enp1s0/0: not before g0 is stopped"
      ])
    let error = await #expect(throws: FlowError.self) { try await host.manager.apply(netdef: small, plan: false) }
    #expect(error?.message.contains("not before g0 is stopped") == true)
    #expect(host.ledger.contents == before)
    try await mustBeWhole(host, ports: ports)
    await host.libvirt.stop(FakeLibvirt.guest(0, networks: []).guest, host.manager)
    #expect(try await host.manager.apply(netdef: small, plan: false).done)
    await host.manager.reconciledInBackground()
    #expect(host.ledger.contents.pools["p"]?.addresses.count == 6)
    try await mustBeWhole(host, ports: ports.filter { $0.owner.name == "g1" })
  }

  @Test func anotherCountNeedsThePFsGuestsStopped() async throws {
    let host = try await Self.host(guests: 1)
    let five = Self.netdef(#"<vfpool:pf dev="enp1s0" vfs="5"/>"#)
    let plan = try await host.manager.apply(netdef: five, plan: true)
    #expect(plan.disruptedGuests == ["g0"])
    await #expect(throws: FlowError.self) { try await host.manager.apply(netdef: five, plan: false) }
    #expect(host.kernel.state.withLock { $0.vfs.count } == 14)
  }

  @Test func aVLANRestartsTheNetworkAndReachesGuestsLater() async throws {
    let host = try await Self.host(guests: 1)
    let tagged = Self.netdef(
      #"<vfpool:pf dev="enp1s0" vfs="7"/>"#, network: #"<vlan><tag id="42"/></vlan><virtualport type="802.1Qbh"/>"#)
    let plan = try await host.manager.apply(netdef: tagged, plan: false)
    #expect(
      plan.changes == [
        PoolChange("VLAN 42 is new", .nextStart, restartsNetwork: true, guests: ["g0"]),
        PoolChange("<virtualport> is another", .now, restartsNetwork: true),
      ])
    #expect(host.kernel[VFIndex(pf: "enp1s0", index: 0)]?.vlan == nil)
    _ = await host.libvirt.start(FakeLibvirt.guest(1, networks: ["p"]), host.manager)
    #expect(host.kernel[VFIndex(pf: "enp1s0", index: 1)]?.vlan == VLANTag(id: 42))
    #expect(host.libvirt.connections("p") == 2)
  }

  @Test(arguments: ["define", "autostart", "stop", "start", "claim"])
  func failureOfLibvirtIsUndone(_ call: String) async throws {
    let host = try await Self.host(guests: 2)
    let ports = host.libvirt.ports("p")
    let before = host.ledger.contents
    host.libvirt.state.withLock { $0.failingOnce = [call] }
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.apply(netdef: Self.two, plan: false)
    }
    #expect(error?.message.contains("what was done is undone") == true, "\(error?.message ?? "")")
    #expect(Set(host.libvirt.ports("p")) == Set(ports))
    #expect(host.ledger.contents.pools == before.pools)
    #expect(host.ledger.contents.netdefs == before.netdefs)
    let network = try #require(host.libvirt.state.withLock { $0.networks["p"] })
    #expect(network.pool.addresses.count == 7 && network.definedPool.addresses.count == 7)
    await host.manager.reconciledInBackground()
    try await mustBeWhole(host, ports: ports)
  }

  @Test(arguments: ["define", "stop", "start", "claim"])
  func whatCannotBeUndoneIsMendedOnceLibvirtIsBack(_ call: String) async throws {
    let host = try await Self.host(guests: 2)
    let ports = host.libvirt.ports("p")
    host.libvirt.state.withLock { $0.failing = [call] }
    await #expect(throws: FlowError.self) { try await host.manager.apply(netdef: Self.two, plan: false) }
    host.libvirt.state.withLock { $0.failing = [] }
    _ = try await host.manager.reconcile(plan: false)
    try await mustBeWhole(host, ports: ports)
    _ = try await host.manager.apply(netdef: Self.two, plan: false)
    await host.manager.reconciledInBackground()
    try await mustBeWhole(host, ports: ports)
  }

  @Test func waitsForStartsAndGivesUp() async throws {
    let host = try await Self.host(guests: 1, turnLimit: .milliseconds(200))
    let ports = host.libvirt.ports("p")
    _ = await host.manager.prepare(FakeLibvirt.guest(1, networks: ["p"]), deadline: HookDeadline(in: .seconds(9)))
    let error = await #expect(throws: FlowError.self) { try await host.manager.apply(netdef: Self.two, plan: false) }
    #expect(error?.message.contains("apply it again later") == true)
    #expect(calls(host, "stop") == 0)
    #expect(host.ledger.contents.pools["p"]?.addresses.count == 7)
    #expect(host.libvirt.ports("p").filter { !$0.isHold } == ports)
  }

  @Test func theTokenStandsForWhatChanges() async throws {
    let host = try await Self.host(guests: 1)
    let rate = { (rate: Int) in
      Self.netdef(#"<vfpool:pf dev="enp1s0" vfs="7"/>"#, more: #"<vfpool:vf maxTxRate="\#(rate)"/>"#)
    }
    let token = try await host.manager.apply(netdef: rate(800), plan: true).token
    await #expect(throws: FlowError.self) {
      try await host.manager.apply(netdef: rate(900), plan: false, ifPlan: token)
    }
    // A guest that only goes on as it is until its next start may come.
    _ = await host.libvirt.start(FakeLibvirt.guest(1, networks: ["p"]), host.manager)
    #expect(try await host.manager.apply(netdef: rate(800), plan: false, ifPlan: token).done)
  }

  // MARK: Selectors

  @Test func aSelectorMayMeanSeveralPFs() async throws {
    let host = try await FakeHost(kernel: FakeKernel(count: 0))
    let xml = Self.netdef(#"<vfpool:pf match="8086:10ca" vfs="4" range="0-2"/>"#)
    let plan = try await host.manager.apply(netdef: xml, plan: false)
    #expect(plan.notes == [#"match="8086:10ca" selects enp1s0, enp2s0"#])
    #expect(host.kernel.state.withLock { $0.vfs.count } == 8)
    #expect(host.ledger.contents.pools["p"]?.addresses.count == 6)
    #expect(host.kernel.state.withLock { $0.ownCounts.map(\.count) } == [4, 4])
    #expect(try await host.manager.apply(netdef: xml, plan: true).steps == [])
  }

  @Test(arguments: [
    (#"<vfpool:pf mac="52:54:00:bb:00:09"/>"#, #"line 5: no PF mac="52:54:00:bb:00:09" on this host; it has enp1s0 ("#),
    (#"<vfpool:pf driver="mlx5_core"/>"#, #"match="8086:10ca" driver="igb")"#),
    (#"<vfpool:pf dev="enp1s0"/><vfpool:pf driver="igb"/>"#, #"line 5: enp1s0 and driver="igb" are the same PF"#),
    (#"<vfpool:pf driver="igb" vfs="9"/>"#, "line 5: PF enp1s0 can have at most 7 VFs, not 9"),
  ])
  func aSelectorIsRefusedWithWhatThereIs(_ pfs: String, _ reason: String) async throws {
    let host = try await FakeHost()
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.apply(netdef: Self.netdef(pfs), plan: false)
    }
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    #expect(host.ledger.contents == LedgerContents())
  }

  @Test func aPoolFollowsItsCardToAnotherSlot() async throws {
    let host = try await FakeHost(kernel: FakeKernel(pfs: 3))
    _ = try await host.manager.apply(
      netdef: Self.netdef(#"<vfpool:pf mac="52:54:00:aa:00:01"/><vfpool:pf dev="enp2s0"/>"#), plan: false)
    await host.manager.reconciledInBackground()
    // Pack: two guests on the card that stays.
    host.kernel.state.withLock { $0.pfs[0].carrier = false }
    _ = await host.manager.view()
    for number in 0..<2 {
      _ = await host.libvirt.start(FakeLibvirt.guest(number, networks: ["p"]), host.manager)
    }
    // Holds are dropped behind a start.
    for _ in 0..<500 where host.libvirt.ports("p").contains(where: \.isHold) {
      try await Task.sleep(for: .milliseconds(10))
    }
    await host.manager.reconciledInBackground()
    let ports = host.libvirt.ports("p")
    #expect(ports.compactMap { $0.vf.flatMap(host.kernel.id)?.pf } == ["enp2s0", "enp2s0"])
    // What was the third card is the first one now.
    let card = try #require(host.kernel.unplug("enp1s0"))
    host.kernel.state.withLock { $0.pfs[1].mac = card.pf.mac }
    #expect(await host.manager.view().problems.contains { $0.hasPrefix("pool p has lost 7 of its 14 VFs") })
    let report = try await host.manager.reconcile(plan: false)
    #expect(report.drifts.contains { "\($0)".contains("means cards of which it has no VF") })
    #expect(report.failures == [])
    try await mustBeWhole(host, ports: ports)
    let pool = try #require(host.ledger.contents.pools["p"])
    #expect(Set(pool.addresses.compactMap { host.kernel.id($0)?.pf }) == ["enp2s0", "enp3s0"])
    #expect(pool.addresses.count == 14)
    #expect(!(await host.manager.view().problems.contains { $0.contains("lost") }))
  }

  @Test func aRenamedCardIsStillMeant() async throws {
    let host = try await FakeHost()
    let xml = Self.netdef(#"<vfpool:pf pci="0000:01:00.0"/>"#)
    _ = try await host.manager.apply(netdef: xml, plan: false)
    host.kernel.state.withLock { state in
      state.pfs[0].name = "lan0"
      for (id, vf) in state.vfs where id.pf == "enp1s0" {
        var moved = vf
        moved.id = VFIndex(pf: "lan0", index: id.index)
        state.vfs[id] = nil
        state.vfs[moved.id] = moved
      }
    }
    #expect(try await host.manager.reconcile(plan: true).drifts == [])
    #expect(!(await host.manager.view().problems.contains { $0.contains("lost") }))
    #expect(try await host.manager.apply(netdef: xml, plan: true).steps == [])
  }

  @Test func aCardThatIsGoneIsTold() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: Self.netdef(#"<vfpool:pf mac="52:54:00:aa:00:02"/>"#), plan: false)
    #expect(host.kernel.unplug("enp2s0") != nil)
    #expect(
      await host.manager.view().problems.contains(
        #"pool p has lost PF mac="52:54:00:aa:00:02": no card of this host is that"#))
    #expect(host.ledger.contents.pools["p"]?.addresses.count == 7)
  }

  @Test func aCardThatAnotherPoolHasIsTold() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: Self.netdef(#"<vfpool:pf mac="52:54:00:aa:00:01"/>"#), plan: false)
    let other = Self.netdef(#"<vfpool:pf dev="enp2s0"/>"#).replacing("<name>p<", with: "<name>other<")
    _ = try await host.manager.apply(netdef: other, plan: false)
    #expect(await host.manager.view().problems == [])
    let card = try #require(host.kernel.unplug("enp1s0"))
    host.kernel.state.withLock { $0.pfs[0].mac = card.pf.mac }
    _ = try await host.manager.reconcile(plan: false)
    #expect(
      await host.manager.view().problems.contains(
        "pool p selects PF enp2s0 by mac=\"52:54:00:aa:00:01\", and pool other has VFs of it: none of them comes to p "
          + "until the netdef of one of the two leaves the PF out"))
    #expect(host.ledger.contents.pools["p"]?.addresses.count == 7)
  }

  // MARK: enforce

  @Test func enforcePlansAndTouchesNoRunningGuestsVF() async throws {
    let host = try await FakeHost()
    _ = try await host.libvirt.define(
      xml: "<network><name>p</name><forward mode='hostdev' managed='yes'><pf dev='enp1s0'/></forward></network>")
    try await host.libvirt.start(network: "p")
    for number in 0..<2 { _ = await host.libvirt.start(FakeLibvirt.guest(number, networks: ["p"]), host.manager) }
    _ = try await host.manager.reconcile(plan: false)
    let (before, ports) = (host.ledger.contents, host.libvirt.ports("p"))
    host.libvirt.state.withLock { $0.calls = [] }
    let plan = try await host.manager.enforce(pool: "p", plan: true)
    #expect(plan.steps == ["enforce pool p", "record the baselines of 5 free VFs"])
    #expect(
      plan.notes == ["guests g0, g1 keep their VFs as they are; the pool's settings reach them at their next start"])
    #expect(host.ledger.contents == before)
    let states = host.kernel.state.withLock { $0.vfs.mapValues(\.state) }
    await #expect(throws: FlowError.self) { try await host.manager.enforce(pool: "p", plan: false, ifPlan: "other") }
    #expect(try await host.manager.enforce(pool: "p", plan: false, ifPlan: plan.token).done)
    await host.manager.reconciledInBackground()
    _ = try await host.manager.reconcile(plan: false)
    #expect(host.libvirt.state.withLock { $0.calls } == [])
    #expect(host.kernel.writeCount == 0)
    #expect(host.kernel.state.withLock { $0.vfs.mapValues(\.state) } == states)
    try await mustBeWhole(host, ports: ports)
  }
}
