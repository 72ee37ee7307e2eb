import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

struct HandOutTests {
  @Test func twoGuestsGetDifferentPFs() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let first = FakeLibvirt.guest(1, networks: ["spread"])
    let second = FakeLibvirt.guest(2, networks: ["spread"])
    #expect(await host.libvirt.start(first, host.manager) == nil)
    #expect(await host.libvirt.start(second, host.manager) == nil)
    let leases = host.ledger.contents.leases.values.sorted { $0.id < $1.id }
    #expect(leases.map(\.vfIndex?.pf) == ["enp1s0", "enp2s0"])
    #expect(leases.map(\.state) == [.active, .active])
    #expect(leases.map(\.vf) == [first, second].map { host.libvirt.vf(of: $0.guest, "spread") })
    #expect(
      leases.map(\.port) == leases.map { lease in host.libvirt.ports("spread").first { $0.vf == lease.vf }?.uuid })
  }

  @Test func poolsSettingsAreOnTheVFWhileTheGuestHasIt() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["spread"])
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    let state = try #require(host.kernel[VFIndex(pf: "enp1s0", index: 0)])
    #expect(state.trust == true)
    #expect(state.spoofchk == false)
    #expect(state.maxTxRate == 500)
    #expect(state.mac == guest.nics[0].mac)
  }

  @Test func stickyGuestGetsItsVFBackThoughItIsNotLibvirtsFirst() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    let guests = (1...4).map { FakeLibvirt.guest($0, networks: ["sticky"]) }
    for guest in guests { #expect(await host.libvirt.start(guest, host.manager) == nil) }
    let fourth = host.libvirt.vf(of: guests[3].guest, "sticky")
    for guest in guests { await host.libvirt.stop(guest.guest, host.manager) }
    for _ in 0..<20 {
      #expect(await host.libvirt.start(guests[3], host.manager) == nil)
      #expect(host.libvirt.vf(of: guests[3].guest, "sticky") == fourth)
      await host.libvirt.stop(guests[3].guest, host.manager)
    }
    try await eventually("the holds are dropped") {
      host.libvirt.ports("sticky").isEmpty && host.ledger.contents.holds.isEmpty
    }
  }

  /// The end of a turn comes in the background: a guest that stops and starts at once may be at its next start by then.
  @Test func lateEndOfAnEarlierStartKeepsTheHoldsOfTheNext() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    let guests = (1...3).map { FakeLibvirt.guest($0, networks: ["sticky"]) }
    for guest in guests { #expect(await host.libvirt.start(guest, host.manager) == nil) }
    for guest in guests { await host.libvirt.stop(guest.guest, host.manager) }
    let deadline = HookDeadline(in: .seconds(60))
    #expect(await host.manager.prepare(guests[2], deadline: deadline) == .go)
    let earlier = await host.manager.run(of: guests[2].guest)
    await host.manager.released(earlier)
    #expect(await host.manager.prepare(guests[2], deadline: deadline) == .go)
    let held = host.libvirt.ports("sticky").count
    #expect(held == 2)
    await host.manager.released(earlier)
    #expect(host.libvirt.ports("sticky").count == held)
    #expect(host.ledger.contents.holds.count == held)
  }

  @Test func macStaysWhenTheVFDiffers() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["spread"])
    let other = FakeLibvirt.guest(2, networks: ["spread"])
    _ = await host.libvirt.start(guest, host.manager)
    let before = host.libvirt.vf(of: guest.guest, "spread")
    await host.libvirt.stop(guest.guest, host.manager)
    _ = await host.libvirt.start(other, host.manager)
    _ = await host.libvirt.start(guest, host.manager)
    #expect(host.libvirt.vf(of: guest.guest, "spread") != before)
    let binding = try #require(host.ledger.contents.bindings.values.first { $0.guest.uuid == guest.guest.uuid })
    #expect(binding.mac == guest.nics[0].mac)
    #expect(binding.lastVF == host.libvirt.vf(of: guest.guest, "spread"))
  }

  @Test func fifteenthGuestIsToldWhoHasTheFourteen() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    for number in 1...14 {
      #expect(await host.libvirt.start(FakeLibvirt.guest(number, networks: ["spread"]), host.manager) == nil)
    }
    let late = FakeLibvirt.guest(15, networks: ["spread"])
    let text = try #require(await host.libvirt.start(late, host.manager))
    #expect(text.hasPrefix("pool spread: no free VF for guest g15: 14 of 14 are leased"))
    for number in 1...14 { #expect(text.contains(" g\(number) (")) }
    #expect(text.contains("\n  enp2s0/0-6: leased to g2 (0), g4 (1), "))
    await host.libvirt.stop(FakeLibvirt.guest(3, networks: []).guest, host.manager)
    #expect(await host.libvirt.start(late, host.manager) == nil)
  }

  /// While many guests start at once, libvirt may have no thread left that could answer.
  @Test func refusalDoesNotWaitForALibvirtThatDoesNotAnswer() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    for number in 1...7 {
      #expect(await host.libvirt.start(FakeLibvirt.guest(number, networks: ["sticky"]), host.manager) == nil)
    }
    let (silence, answer) = AsyncStream<Void>.makeStream()
    let asked = Mutex(0)
    host.libvirt.state.withLock {
      $0.beforePorts = {
        asked.withLock { $0 += 1 }
        for await _ in silence {}
      }
    }
    let late = [8, 9].map { FakeLibvirt.guest($0, networks: ["sticky"]) }
    for guest in late {
      let verdict = await host.manager.prepare(guest, deadline: HookDeadline(in: .seconds(2)))
      guard case .refuse(let refusal) = verdict else {
        Issue.record("\(guest.guest.name) is let through")
        return
      }
      #expect(refusal.text.contains("pool sticky: no free VF for guest \(guest.guest.name): 7 of 7 are leased"))
    }
    #expect(asked.withLock { $0 } == 1)
    answer.finish()
    try await eventually("libvirt is asked again") {
      _ = await host.manager.prepare(late[0], deadline: HookDeadline(in: .seconds(2)))
      return asked.withLock { $0 } > 1
    }
  }

  @Test func severalNICsOfOnePool() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["spread", "spread", "spread"])
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    let leases = host.ledger.contents.leases.values.sorted { $0.nic < $1.nic }
    #expect(leases.map(\.nic) == [0, 1, 2])
    #expect(leases.map(\.mac) == guest.nics.map(\.mac))
    #expect(Set(leases.compactMap(\.vf)).count == 3)
    #expect(leases.allSatisfy { $0.state == .active })
  }

  @Test func sameMACOfAnotherLiveGuestIsRefused() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let mac = MACAddress("52:54:00:00:00:77")
    #expect(await host.libvirt.start(FakeLibvirt.guest(1, networks: ["spread"], mac: mac), host.manager) == nil)
    let text = try #require(
      await host.libvirt.start(FakeLibvirt.guest(2, networks: ["spread"], mac: mac), host.manager))
    #expect(text.contains("guest g2"))
    #expect(text.contains("guest g1"))
    #expect(text.contains("52:54:00:00:00:77"))
  }

  @Test func ledgerThatCantBeWrittenLetsTheGuestStartAndTouchesNothing() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let writes = host.kernel.writeCount
    host.ledger.state.withLock { $0.fails = true }
    #expect(await host.libvirt.start(FakeLibvirt.guest(1, networks: ["spread"]), host.manager) == nil)
    #expect(host.kernel.writeCount == writes)
    #expect(await host.manager.view().problems.contains { $0.contains("no space left") })
  }

  @Test func withoutLibvirtAStartIsRecordedAndAdopted() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    await host.manager.libvirtDisconnected()
    for number in 1...14 {
      #expect(await host.libvirt.start(FakeLibvirt.guest(number, networks: ["spread"]), host.manager) == nil)
    }
    let leases = host.ledger.contents.leases.values
    #expect(leases.count == 14)
    #expect(leases.allSatisfy { $0.state == .active })
    #expect(Set(leases.compactMap(\.vf)).count == 14)
    for lease in leases {
      let id = try #require(lease.vfIndex)
      #expect(host.kernel[id]?.trust == true)
    }
  }

  @Test func holdsGoWhenVfpooldStopsAndDontComeBackWhenItIsDisabled() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    let guests = (1...3).map { FakeLibvirt.guest($0, networks: ["sticky"]) }
    for guest in guests { _ = await host.libvirt.start(guest, host.manager) }
    for guest in guests { await host.libvirt.stop(guest.guest, host.manager) }
    _ = await host.manager.prepare(guests[2], deadline: HookDeadline(in: .seconds(60)))
    #expect(host.libvirt.ports("sticky").filter(\.isHold).count == 2)
    await host.manager.shutDown()
    #expect(host.libvirt.ports("sticky") == [])
    #expect(host.ledger.contents.holds == [:])
    _ = try await host.manager.dropAllHolds()
    _ = await host.libvirt.start(guests[2], host.manager)
    #expect(host.libvirt.ports("sticky").filter(\.isHold) == [])
  }

  @Test func portThatIsToldAgainTouchesNoRunningGuest() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["sticky"])
    _ = await host.libvirt.start(guest, host.manager, hooks: false)
    let writes = host.kernel.writeCount
    let port = try #require(host.libvirt.ports("sticky").first)
    for _ in 1...2 { await host.manager.allocated(port, network: "sticky", deadline: HookDeadline(in: .seconds(60))) }
    #expect(host.kernel.writeCount == writes)
    #expect(host.kernel[VFIndex(pf: "enp1s0", index: 0)]?.vlan?.id == 42)
    #expect(host.ledger.contents.leases.values.map(\.state) == [.active])
  }

  @Test func guestRestartedWhileNobodyListenedKeepsOneLease() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["sticky"])
    _ = await host.libvirt.start(guest, host.manager)
    await host.manager.libvirtDisconnected()
    await host.libvirt.stop(guest.guest, host.manager, hooks: false)
    _ = await host.libvirt.start(guest, host.manager, hooks: false)
    let manager = try await host.restarted()
    await manager.libvirtConnected()
    try await eventually("its new port is leased") {
      host.ledger.contents.leases.values.map(\.port) == host.libvirt.ports("sticky").map(\.uuid)
    }
    await host.libvirt.stop(guest.guest, manager)
    #expect(host.ledger.contents.leases.isEmpty)
    #expect(host.kernel[VFIndex(pf: "enp1s0", index: 0)]?.vlan == nil)
  }

  @Test func observedPoolIsOnlyWatched() async throws {
    let host = try await FakeHost()
    let xml = """
      <network><name>plain</name><forward mode='hostdev' managed='yes'><pf dev='enp1s0'/></forward></network>
      """
    _ = try await host.libvirt.define(xml: xml)
    try await host.libvirt.start(network: "plain")
    let early = FakeLibvirt.guest(1, networks: ["plain"])
    #expect(await host.libvirt.start(early, host.manager) == nil)
    host.libvirt.state.withLock { $0.calls = [] }
    _ = try await host.manager.reconcile(plan: false)
    #expect(await host.libvirt.start(FakeLibvirt.guest(2, networks: ["plain"]), host.manager) == nil)
    let view = await host.manager.view()
    #expect(view.contents.pools["plain"]?.mode == .observe)
    #expect(view.contents.leases.values.map(\.guest.name).sorted() == ["g1", "g2"])
    #expect(host.kernel.writeCount == 0)
    #expect(host.libvirt.state.withLock { $0.calls } == [])
    await host.libvirt.stop(early.guest, host.manager)
    #expect(host.kernel.writeCount == 0)
    #expect(host.ledger.history.map(\.lease.guest.name) == ["g1"])
  }

  @Test func manyMoreStartsThanVFsAllGetAVFOrTheReason() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    let answers = await withTaskGroup(of: String?.self) { group in
      for number in 1...30 {
        group.addTask { [libvirt = host.libvirt, manager = host.manager] in
          await libvirt.start(FakeLibvirt.guest(number, networks: ["sticky"]), manager)
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.count { $0 == nil } == 7)
    for answer in answers.compactMap(\.self) { #expect(answer.contains("pool sticky: no free VF for guest g")) }
    #expect(Set(host.libvirt.ports("sticky").compactMap(\.vf)).count == 7)
    #expect(host.libvirt.ports("sticky").filter(\.isHold) == [])
  }
}

/// Waits for what happens in the background.
func eventually(_ what: Comment, _ condition: () async -> Bool) async throws {
  #expect(try await comesTrue(condition), what)
}
