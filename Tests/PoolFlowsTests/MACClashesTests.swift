import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

/// NICs of different guests with one MAC.
struct MACClashesTests {
  private static let mac = MACAddress(value: 0x5254_0000_0077)

  /// Pool `p`, VLAN 42, has four VFs of the first card; the others are in no pool.
  private static func netdef(_ attributes: String = "", vlan: Int? = 42, name: String = "p", pf: String = "enp1s0")
    -> String
  {
    """
    <network>
      <name>\(name)</name>
      <metadata>
        <vfpool:pool xmlns:vfpool="urn:vfpool:pool:1" \(attributes)><vfpool:pf dev="\(pf)" range="0-3"/></vfpool:pool>
      </metadata>
      <forward mode="hostdev" managed="yes"><driver name="vfio"/></forward>
      \(vlan.map { "<vlan><tag id='\($0)'/></vlan>" } ?? "")
      <portgroup name="other"><vlan><tag id="43"/></vlan></portgroup>
    </network>
    """
  }

  private static func host(_ netdef: String = netdef()) async throws -> FakeHost {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: netdef, plan: false)
    await host.manager.reconciledInBackground()
    return host
  }

  /// A guest with a NIC of a pool, or with a VF by its address.
  private static func guest(_ number: Int, vlan: UInt16? = nil, portgroup: String? = nil, pool: String = "p")
    -> GuestDescription
  {
    var guest = FakeLibvirt.guest(number, networks: [pool], portgroup: portgroup, mac: mac)
    guest.nics[0].vlan = vlan.map { VLANTag(id: $0) }
    return guest
  }

  private static func fixed(
    _ host: FakeHost, _ number: Int, vlan: UInt16? = 42, on pf: String = "enp1s0", _ vf: Int = 5
  )
    -> GuestDescription
  {
    var guest = guest(number, vlan: vlan)
    guest.nics[0].source = .hostdev(host.kernel.pci(pf, vf))
    return guest
  }

  private func mustClash(_ why: String?, _ guest: String, with other: String) {
    #expect(
      why
        == "pool p: guest \(guest) has MAC \(Self.mac), which guest \(other) uses on enp1s0/0; give one of them another MAC"
    )
  }

  // MARK: The VLAN that a NIC has

  /// VLAN and portgroup of the first guest's NIC, then the second's.
  struct Pair: Sendable {
    var first: (UInt16?, String?)
    var second: (UInt16?, String?)
    var clashes: Bool
  }

  private static let pairs = [
    Pair(first: (nil, nil), second: (nil, nil), clashes: true),
    Pair(first: (nil, nil), second: (42, nil), clashes: true),
    Pair(first: (7, nil), second: (7, nil), clashes: true),
    Pair(first: (7, nil), second: (nil, nil), clashes: false),
    Pair(first: (nil, nil), second: (7, nil), clashes: false),
    Pair(first: (nil, "other"), second: (nil, nil), clashes: false),
    Pair(first: (42, "other"), second: (nil, nil), clashes: true),
    Pair(first: (43, nil), second: (nil, "other"), clashes: true),
  ]

  @Test(arguments: pairs) func aNICsOwnVLANGoesBeforeItsNetworks(_ pair: Pair) async throws {
    for isRestarted in [false, true] {
      let host = try await Self.host()
      let first = Self.guest(1, vlan: pair.first.0, portgroup: pair.first.1)
      #expect(await host.libvirt.start(first, host.manager) == nil)
      let manager = isRestarted ? try await host.restarted() : host.manager
      let second = Self.guest(2, vlan: pair.second.0, portgroup: pair.second.1)
      let why = await host.libvirt.start(second, manager)
      if pair.clashes { mustClash(why, "g2", with: "g1") } else { #expect(why == nil) }
    }
  }

  /// The first guest's VF isn't picked yet.
  @Test(arguments: [true, false]) func aStartUnderWayCounts(isRestarted: Bool) async throws {
    let host = try await Self.host()
    let deadline = HookDeadline(in: .seconds(60))
    #expect(await host.manager.prepare(Self.guest(1, vlan: 7), deadline: deadline) == .go)
    let manager = isRestarted ? try await host.restarted() : host.manager
    mustClash(await host.libvirt.start(Self.guest(2, vlan: 7), manager), "g2", with: "g1")
    #expect(await host.libvirt.start(Self.guest(2), manager) == nil)
  }

  @Test func aStartInAnotherPoolOfTheCardMeanwhileCounts() async throws {
    let host = try await Self.host()
    let others = Self.netdef(name: "q", pf: #"enp1s0" range="4-6"/><vfpool:pf dev="enp2s0"#)
    _ = try await host.manager.apply(netdef: others, plan: false)
    let first = (1...4).map { FakeLibvirt.guest($0, networks: ["p"]) }
    for guest in first { #expect(await host.libvirt.start(guest, host.manager) == nil) }
    // The pool is full, so libvirt is asked, and meanwhile one of its guests stops.
    let isFirst = Mutex(true)
    host.libvirt.state.withLock {
      $0.beforePorts = { [libvirt = host.libvirt, manager = host.manager] in
        let isMine = isFirst.withLock { first in
          defer { first = false }
          return first
        }
        guard isMine else { return }
        #expect(await libvirt.start(Self.guest(5, pool: "q"), manager) == nil)
        await libvirt.stop(first[0].guest, manager)
      }
    }
    let why = await host.libvirt.start(Self.guest(6), host.manager)
    #expect(why?.contains("guest g6 has MAC \(Self.mac), which guest g5 uses on enp1s0/4") == true)
    #expect(isFirst.withLock { !$0 })
  }

  @Test(arguments: [true, false]) func aRunningGuestKeepsTheVLANThatItsPoolHad(isRestarted: Bool) async throws {
    let host = try await Self.host()
    #expect(await host.libvirt.start(Self.guest(1), host.manager) == nil)
    _ = try await host.manager.apply(netdef: Self.netdef(vlan: 50), plan: false)
    let manager = isRestarted ? try await host.restarted() : host.manager
    mustClash(await host.libvirt.start(Self.guest(2, vlan: 42), manager), "g2", with: "g1")
    #expect(await host.libvirt.start(Self.guest(2), manager) == nil)
  }

  /// Nothing is known of it but its port.
  @Test func aGuestOfAnObservedPoolCounts() async throws {
    let host = try await Self.host()
    let vf = try #require(host.kernel.pci("enp1s0", 5))
    let address = "<address type='pci' domain='0' bus='\(vf.bus)' slot='\(vf.slot)' function='\(vf.function)'/>"
    let xml = """
      <network><name>plain</name><forward mode='hostdev' managed='yes'>\(address)</forward>
      <vlan><tag id='42'/></vlan></network>
      """
    _ = try await host.libvirt.define(xml: xml)
    try await host.libvirt.start(network: "plain")
    _ = try await host.manager.reconcile(plan: false)
    #expect(await host.libvirt.start(Self.guest(1, vlan: 7, pool: "plain"), host.manager) == nil)
    let why = await host.libvirt.start(Self.guest(2, vlan: 7), host.manager)
    #expect(why?.contains("guest g2 has MAC \(Self.mac), which guest g1 uses on enp1s0/5") == true)
    #expect(await host.libvirt.start(Self.guest(2), host.manager) == nil)
    // It is only watched, whatever others have.
    await host.libvirt.stop(Self.guest(1).guest, host.manager)
    #expect(await host.libvirt.start(Self.guest(1, vlan: 42, pool: "plain"), host.manager) == nil)
  }

  @Test func whereItIsMetRunningItsOwnVLANIsWhatItWasGiven() async throws {
    let host = try await Self.host()
    #expect(await host.libvirt.start(Self.guest(1, vlan: 7), host.manager, hooks: false) == nil)
    _ = try await host.manager.reconcile(plan: false)
    #expect(host.ledger.contents.leases.values.map(\.settings?.vlan) == [.tagged(VLANTag(id: 7))])
  }

  @Test func anAttachedNICsOwnVLANCounts() async throws {
    let host = try await Self.host()
    let guests = [1, 2, 3].map { FakeLibvirt.guest($0, networks: []) }
    for guest in guests { #expect(await host.libvirt.start(guest, host.manager) == nil) }
    let request = { AttachRequest(.pool("p", portgroup: nil), mac: Self.mac, vlan: $0) }
    _ = try await host.manager.attach(request(7), to: "g1", .live)
    let error = await #expect(throws: FlowError.self) {
      _ = try await host.manager.attach(request(7), to: "g2", .live)
    }
    mustClash(error?.message, "g2", with: "g1")
    _ = try await host.manager.attach(request(nil), to: "g2", .live)
    #expect(Set(host.libvirt.ports("p").map(\.vlan?.id)) == [7, 42])
    // Its network loses all ports.
    try await host.libvirt.stop(network: "p")
    try await host.libvirt.start(network: "p")
    _ = try await host.manager.reconcile(plan: false)
    #expect(Set(host.libvirt.ports("p").map(\.vlan?.id)) == [7, 42])
  }

  // MARK: One card

  /// Both pools could serve from the second card, and the first guest is on the first.
  @Test func anotherCardIsNoMatter() async throws {
    let both = Self.netdef(pf: #"enp1s0" range="0-3"/><vfpool:pf dev="enp2s0"#)
    let host = try await Self.host(both)
    let other = Self.netdef(name: "q", pf: "enp2s0").replacing("0-3", with: "4-6")
    _ = try await host.manager.apply(netdef: other, plan: false)
    #expect(await host.libvirt.start(Self.guest(1), host.manager) == nil)
    #expect(host.ledger.contents.leases.values.map(\.vfIndex?.pf) == ["enp1s0"])
    #expect(await host.libvirt.start(Self.guest(2, pool: "q"), host.manager) == nil)
    // The pool could give it either card.
    let why = await host.libvirt.start(Self.guest(3), host.manager)
    #expect(why?.hasPrefix("pool p: guest g3 has MAC") == true)
  }

  @Test func oneGuestMayHaveAMACTwice() async throws {
    let host = try await Self.host()
    var guest = Self.guest(1)
    guest.nics += [guest.nics[0], Self.fixed(host, 1).nics[0]]
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    _ = try await host.manager.reconcile(plan: false)
    #expect(await host.manager.view().problems == [])
    await host.libvirt.stop(guest.guest, host.manager)
    #expect(await host.libvirt.start(guest, host.manager) == nil)
  }

  // MARK: VFs by address

  /// The other guest got its VF without anyone's telling; it is read from libvirt.
  @Test func aRunningNICOutsideOfPoolsCounts() async throws {
    let host = try await Self.host()
    let other = Self.fixed(host, 1)
    #expect(await host.libvirt.start(other, host.manager, hooks: false) == nil)
    let manager = try await host.restarted()
    await manager.libvirtConnected()
    await manager.reconciledInBackground()
    let why = await host.libvirt.start(Self.guest(2), manager)
    #expect(
      why == "pool p: guest g2 has MAC \(Self.mac), which guest g1 uses on enp1s0/5; give one of them another MAC")
    #expect(await host.libvirt.start(Self.guest(2, vlan: 7), manager) == nil)
    await host.libvirt.stop(Self.guest(2).guest, manager)
    await host.libvirt.letGo(other, of: other.guest)
    await manager.deviceRemoved("hostdev0", from: other.guest.uuid)
    #expect(await host.libvirt.start(Self.guest(2), manager) == nil)
  }

  @Test func aNICOnAnotherCardOrWithoutItsVLANDoesNot() async throws {
    let host = try await Self.host()
    #expect(await host.libvirt.start(Self.fixed(host, 1, on: "enp2s0"), host.manager) == nil)
    #expect(await host.libvirt.start(Self.fixed(host, 2, vlan: nil), host.manager) == nil)
    #expect(await host.libvirt.start(Self.guest(3), host.manager) == nil)
  }

  /// From the prepare on, and no longer than the guest runs or its start goes on.
  @Test func aStartOutsideOfPoolsCountsUntilItEnds() async throws {
    let host = try await Self.host()
    let other = Self.fixed(host, 1)
    let deadline = HookDeadline(in: .seconds(60))
    #expect(await host.manager.prepare(other, deadline: deadline) == .go)
    _ = try await host.manager.reconcile(plan: false)
    #expect(await host.libvirt.start(Self.guest(2), host.manager)?.contains("which guest g1 uses on enp1s0/5") == true)
    await host.manager.release(other.guest)
    #expect(await host.libvirt.start(Self.guest(2), host.manager) == nil)
    // A refused one doesn't.
    #expect(await host.manager.prepare(other, deadline: deadline) != .go)
    await host.libvirt.stop(Self.guest(2).guest, host.manager)
    #expect(await host.libvirt.start(Self.guest(3), host.manager) == nil)
  }

  @Test func aGuestThatStoppedUnheardIsFoundGone() async throws {
    let host = try await Self.host()
    let other = Self.fixed(host, 1)
    #expect(await host.libvirt.start(other, host.manager, hooks: false) == nil)
    _ = try await host.manager.reconcile(plan: false)
    #expect(await host.libvirt.start(Self.guest(2), host.manager) != nil)
    await host.libvirt.stop(other.guest, host.manager, hooks: false)
    await host.manager.reconciledInBackground()
    #expect(await host.libvirt.start(Self.guest(2), host.manager) == nil)
  }

  @Test func aStartWithAVFOutsideOfPoolsIsRefused() async throws {
    let host = try await Self.host()
    #expect(await host.libvirt.start(Self.guest(1), host.manager) == nil)
    mustClash(await host.libvirt.start(Self.fixed(host, 2), host.manager), "g2", with: "g1")
    #expect(await host.libvirt.start(Self.fixed(host, 2, vlan: nil), host.manager) == nil)
    // Where no pool of ours has a part, none refuses.
    #expect(await host.libvirt.start(Self.fixed(host, 3, vlan: nil, 6), host.manager) == nil)
  }

  /// Its VLAN is its own: the pool's is for NICs that name the pool.
  @Test(arguments: [42, nil]) func aStartWithAPoolsVFIsRefusedBeforeItIsClaimed(vlan: UInt16?) async throws {
    let host = try await Self.host()
    #expect(await host.libvirt.start(Self.guest(1), host.manager) == nil)
    let why = await host.libvirt.start(Self.fixed(host, 2, vlan: vlan, 2), host.manager)
    if vlan == nil { return #expect(why == nil && host.ledger.contents.leases.count == 2) }
    mustClash(why, "g2", with: "g1")
    #expect(host.ledger.contents.leases.values.map(\.guest.name) == ["g1"] && host.libvirt.ports("p").count == 1)
  }

  @Test(arguments: [42, nil]) func aLeaseOfAPoolsVFByAddressHasTheNICsVLAN(vlan: UInt16?) async throws {
    let host = try await Self.host()
    #expect(await host.libvirt.start(Self.fixed(host, 1, vlan: vlan, 0), host.manager) == nil)
    let manager = try await host.restarted()
    let why = await host.libvirt.start(Self.guest(2), manager)
    if vlan == nil { #expect(why == nil) } else { mustClash(why, "g2", with: "g1") }
  }

  @Test func aVFOutsideOfPoolsIsNotAttachedWithAPoolGuestsMAC() async throws {
    let host = try await Self.host()
    #expect(await host.libvirt.start(Self.guest(1), host.manager) == nil)
    #expect(await host.libvirt.start(FakeLibvirt.guest(2, networks: []), host.manager) == nil)
    let request = { AttachRequest(.device("enp1s0/5"), mac: Self.mac, vlan: $0) }
    let error = await #expect(throws: FlowError.self) {
      _ = try await host.manager.attach(request(42), to: "g2", .live)
    }
    mustClash(error?.message, "g2", with: "g1")
    _ = try await host.manager.attach(request(7), to: "g2", .live)
  }

  // MARK: Only warned of

  private static let told =
    "pool p: guest g2 has MAC \(mac), which guest g1 uses on enp1s0/0; give one of them another MAC"

  @Test func aWarningLetsTheGuestStartAndNamesBoth() async throws {
    let host = try await Self.host(Self.netdef(#"macConflict="warn""#))
    #expect(await host.libvirt.start(Self.guest(1), host.manager) == nil)
    #expect(await host.libvirt.start(Self.guest(2), host.manager) == nil)
    #expect(host.ledger.contents.leases.values.filter { $0.state == .active }.count == 2)
    #expect(host.log.lines == [Self.told])
    #expect(await host.manager.view().problems == [Self.told])
    await host.libvirt.stop(Self.guest(1).guest, host.manager)
    #expect(await host.manager.view().problems == [])
  }

  @Test(arguments: [GuestScope.live, .config]) func anAttachIsToldOfIt(_ scope: GuestScope) async throws {
    let host = try await Self.host(Self.netdef(#"macConflict="warn""#))
    let guest = FakeLibvirt.guest(2, networks: [])
    host.libvirt.state.withLock { $0.defined = [guest] }
    for guest in [Self.guest(1), guest] { #expect(await host.libvirt.start(guest, host.manager) == nil) }
    let request = AttachRequest(.pool("p", portgroup: nil), mac: Self.mac)
    let outcome = try await host.manager.attach(request, to: "g2", scope)
    #expect(outcome.notes == [Self.told] && outcome.device.mac == Self.mac)
    #expect(host.log.lines == [Self.told])
  }

  /// Both were started while vfpoold was away.
  @Test func whatRunsAllTheSameIsTold() async throws {
    let host = try await Self.host()
    #expect(await host.libvirt.start(Self.guest(1), host.manager, hooks: false) == nil)
    #expect(await host.libvirt.start(Self.fixed(host, 2), host.manager, hooks: false) == nil)
    _ = try await host.manager.reconcile(plan: false)
    #expect(await host.manager.view().problems == [Self.told])
  }
}
