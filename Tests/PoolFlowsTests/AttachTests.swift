import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

/// VFs and devices on their way into guests and out of them.
struct AttachTests {
  private static let guest = FakeLibvirt.guest(1, networks: [])
  private static let fromPool = AttachRequest(.pool("sticky", portgroup: nil))
  private let first = VFIndex(pf: "enp1s0", index: 0)

  /// A host with a pool and a guest that has nothing of it, and runs.
  private static func host(_ netdef: String = FakeHost.sticky, runs: Bool = true) async throws -> FakeHost {
    let host = try await FakeHost(turnLimit: .milliseconds(300))
    _ = try await host.manager.apply(netdef: netdef, plan: false)
    let manager = host.manager
    host.libvirt.state.withLock { state in
      state.defined = [guest]
      state.onUnplug = { guest, alias, isGone in
        if isGone {
          await manager.deviceRemoved(alias, from: guest.uuid)
        } else {
          await manager.deviceRemovalFailed(alias, in: guest.uuid)
        }
      }
    }
    if runs { #expect(await host.libvirt.start(guest, host.manager) == nil) }
    await host.manager.reconciledInBackground()
    return host
  }

  private static func running(_ host: FakeHost) -> GuestDescription? {
    host.libvirt.state.withLock { $0.running[guest.guest.uuid] }
  }

  private static func defined(_ host: FakeHost) -> [GuestDescription.NIC] {
    host.libvirt.state.withLock { $0.defined[0].nics }
  }

  /// The refusal of an attach or detach, which must have changed nothing.
  private func refusal(
    _ host: FakeHost, _ body: (PoolManager) async throws -> GuestOutcome
  ) async throws -> FlowError {
    let before = (host.ledger.contents.leases, Self.running(host), Self.defined(host), host.kernel.writeCount)
    let error = try await #require(throws: FlowError.self) { _ = try await body(host.manager) }
    #expect(host.ledger.contents.leases == before.0)
    #expect(Self.running(host) == before.1)
    #expect(Self.defined(host) == before.2)
    #expect(host.kernel.writeCount == before.3)
    #expect(host.libvirt.ports("sticky").allSatisfy { port in before.0.values.contains { $0.port == port.uuid } })
    return error
  }

  // MARK: A VF of a pool

  @Test func aRunningGuestGetsAVFAsAtAStart() async throws {
    let host = try await Self.host(FakeHost.spread)
    let request = AttachRequest(.pool("spread", portgroup: nil), mac: MACAddress("52:54:00:00:00:77"))
    let outcome = try await host.manager.attach(request, to: "g1", [])
    #expect(outcome.done == "has VF enp1s0/0 of pool spread now, with MAC 52:54:00:00:00:77")
    #expect(outcome.device.scope == .live)
    #expect(outcome.device.lease == .active)
    let lease = try #require(host.ledger.contents.leases.values.first)
    #expect(lease.state == .active && lease.vfIndex == first && lease.mac == request.mac)
    let port = try #require(host.libvirt.ports("spread").first)
    #expect(port.uuid == lease.port && port.owner == Self.guest.guest && port.vf == lease.vf)
    let state = try #require(host.kernel[first])
    #expect(state.trust == true && state.spoofchk == false && state.maxTxRate == 500 && state.mac == request.mac)
    #expect(lease.settings?.trust == true && lease.isClaim)
    #expect(Self.running(host)?.nics.map(\.vf) == [lease.vf])
    #expect(Self.defined(host).isEmpty)
    #expect(try await host.manager.reconcile(plan: true).drifts == [])
  }

  @Test func thePoolsVLANIsOnTheVFAndAnotherIfAskedFor() async throws {
    let host = try await Self.host()
    _ = try await host.manager.attach(Self.fromPool, to: Self.guest.guest.uuid, .live)
    #expect(host.kernel[first]?.vlan?.id == 42)
    _ = try await host.manager.attach(AttachRequest(.pool("sticky", portgroup: nil), vlan: 7), to: "g1", .live)
    #expect(host.kernel[VFIndex(pf: "enp1s0", index: 1)]?.vlan?.id == 7)
    #expect(host.ledger.contents.leases.values.map(\.nic).sorted() == [0, 1])
  }

  @Test func aDefinitionNamesThePoolAndNoVFIsTaken() async throws {
    let host = try await Self.host(runs: false)
    let outcome = try await host.manager.attach(Self.fromPool, to: "g1", [])
    let nic = try #require(Self.defined(host).first)
    #expect(nic.source == .network(name: "sticky", portgroup: nil))
    #expect(outcome.device.mac == nic.mac && outcome.device.scope == .config && outcome.device.pool == "sticky")
    #expect(outcome.done.hasPrefix("will have a VF of pool sticky from its next start on, with MAC 52:54:00:"))
    #expect(host.ledger.contents.leases.isEmpty && host.libvirt.ports("sticky").isEmpty)
  }

  @Test func bothAtOnceHaveOneMAC() async throws {
    let host = try await Self.host()
    let outcome = try await host.manager.attach(Self.fromPool, to: "g1", [.live, .config])
    #expect(outcome.device.scope == [.live, .config])
    #expect(Self.defined(host).map(\.mac) == [outcome.device.mac])
    #expect(Self.running(host)?.nics.map(\.mac) == [outcome.device.mac])
  }

  /// Bound to the guest's first NIC of the pool.
  @Test func aNICGetsTheMACBackThatItHad() async throws {
    let host = try await Self.host()
    let mac = try await host.manager.attach(Self.fromPool, to: "g1", .live).device.mac
    _ = try await host.manager.detach(.mac(try #require(mac)), from: "g1", .live, timeout: .seconds(5))
    #expect(try await host.manager.attach(Self.fromPool, to: "g1", .live).device.mac == mac)
    #expect(try await host.manager.attach(Self.fromPool, to: "g1", .live).device.mac != mac)
  }

  @Test func theGuestsStopReturnsWhatWasAttached() async throws {
    let host = try await Self.host(FakeHost.spread)
    let before = try #require(host.kernel[first])
    _ = try await host.manager.attach(AttachRequest(.pool("spread", portgroup: nil)), to: "g1", .live)
    await host.libvirt.stop(Self.guest.guest, host.manager)
    #expect(host.libvirt.ports("spread").isEmpty)
    #expect(host.ledger.contents.leases.isEmpty)
    #expect(host.ledger.history.map(\.reason) == ["guest stopped"])
    #expect(host.kernel[first] == before)
  }

  // MARK: What fails is undone

  @Test(arguments: ["attachLive", "attachConfig", "claim"])
  func whatFailsIsUndone(call: String) async throws {
    let host = try await Self.host(FakeHost.spread)
    let before = try #require(host.kernel[first])
    host.libvirt.state.withLock { _ = $0.failing.insert(call) }
    let error = try await #require(throws: FlowError.self) {
      _ = try await host.manager.attach(
        AttachRequest(.pool("spread", portgroup: nil)), to: "g1", [.live, .config])
    }
    #expect(error.message.contains("enp1s0/0") && error.message.contains("\(call) failed"))
    #expect(call == "claim" || error.message.contains("all is as it was"))
    #expect(host.ledger.contents.leases.isEmpty)
    #expect(host.libvirt.ports("spread").isEmpty)
    #expect(host.kernel[first] == before)
    #expect(Self.running(host)?.nics == [] && Self.defined(host) == [])
    #expect(host.ledger.history.map(\.reason) == ["detached"])
  }

  @Test func aVFThatDoesNotTakeThePoolsSettingsIsNotAttached() async throws {
    let host = try await Self.host(FakeHost.spread)
    host.kernel.state.withLock { _ = $0.broken.insert(first) }
    let error = try await #require(throws: FlowError.self) {
      _ = try await host.manager.attach(AttachRequest(.pool("spread", portgroup: nil)), to: "g1", .live)
    }
    #expect(error.message.contains("VF enp1s0/0 was not attached to guest g1"))
    #expect(Self.running(host)?.nics == [] && host.libvirt.ports("spread").filter { !$0.isHold } == [])
    #expect(host.ledger.contents.leases.isEmpty)
  }

  /// An attach that vfpoold didn't live to finish: the lease is there, and the guest never got the VF.
  @Test func whatWasLeftHalfDoneIsUndoneByReconciling() async throws {
    let host = try await Self.host(FakeHost.spread)
    let vf = try #require(host.kernel.pci("enp1s0", 0))
    let guest = Self.guest.guest
    let port = NetworkPort(uuid: FakeLibvirt.uuid(4711), owner: guest, mac: MACAddress(value: 7), vf: vf)
    let lease = Lease(
      id: 50, pool: "spread", guest: guest, nic: 0, mac: port.mac, vf: vf, vfIndex: first, state: .active,
      port: port.uuid,
      since: Timestamp(milliseconds: 0), bootID: "boot-1")
    try await host.manager.commit([.openLease(lease)])
    try await host.libvirt.claim(port, in: "spread")
    #expect(try await host.manager.reconcile(plan: true).drifts == [.deviceLeft(lease)])
    _ = try await host.manager.reconcile(plan: false)
    #expect(host.ledger.contents.leases.isEmpty && host.libvirt.ports("spread").isEmpty)
    #expect(host.ledger.history.first?.reason == "detached")
  }

  // MARK: What is refused before anything changes

  @Test func refusedAtOnceWithTheWayOut() async throws {
    let host = try await Self.host()
    func refused(_ request: AttachRequest, _ guest: String = "g1", _ scope: GuestScope = .live) async throws -> String {
      try await refusal(host) { try await $0.attach(request, to: guest, scope) }.message
    }
    #expect(try await refused(Self.fromPool, "nobody").contains("no guest nobody"))
    #expect(try await refused(AttachRequest(.pool("none", portgroup: nil))).contains("no pool none; there are: sticky"))
    #expect(try await refused(AttachRequest(.pool("sticky", portgroup: "p"))).contains("no portgroup p: it has none"))
    #expect(try await refused(AttachRequest(.pool("sticky", portgroup: nil), vlan: 4095)).contains("1...4094"))
    let multicast = MACAddress(value: 0x0100_0000_0001)
    #expect(
      try await refused(AttachRequest(.pool("sticky", portgroup: nil), mac: multicast)).contains("can't be a NIC's MAC")
    )
    try await host.libvirt.stop(network: "sticky")
    _ = try await host.manager.reconcile(plan: false)
    #expect(try await refused(Self.fromPool).contains("vfpool pool start sticky"))
  }

  @Test func aGuestWithoutAFreePlaceIsToldWhatToAdd() async throws {
    let host = try await Self.host()
    host.libvirt.state.withLock { $0.rootPorts = 1 }
    let mac = try #require(try await host.manager.attach(Self.fromPool, to: "g1", .live).device.mac)
    let error = try await refusal(host) { try await $0.attach(Self.fromPool, to: "g1", .live) }
    #expect(error.message.contains("model='pcie-root-port'"))
    // Its definition gets a port by itself.
    _ = try await host.manager.attach(Self.fromPool, to: "g1", .config)
    let taken = AttachRequest(.pool("sticky", portgroup: nil), mac: mac)
    let second = try await refusal(host) { try await $0.attach(taken, to: "g1", .config) }
    #expect(second.message.contains("has a NIC with MAC \(mac) already"))
  }

  @Test func anotherGuestsMACIsRefused() async throws {
    let host = try await Self.host()
    let other = FakeLibvirt.guest(2, networks: ["sticky"])
    #expect(await host.libvirt.start(other, host.manager) == nil)
    let request = AttachRequest(.pool("sticky", portgroup: nil), mac: other.nics[0].mac)
    let error = try await refusal(host) { try await $0.attach(request, to: "g1", .live) }
    #expect(error.message.contains("which guest g2 uses on enp1s0/0"))
  }

  @Test func aFullPoolSaysWhoHasWhat() async throws {
    let host = try await Self.host()
    for number in 2...8 {
      #expect(await host.libvirt.start(FakeLibvirt.guest(number, networks: ["sticky"]), host.manager) == nil)
    }
    let error = try await refusal(host) { try await $0.attach(Self.fromPool, to: "g1", .live) }
    #expect(error.code == .refused && error.message.contains("no free VF for guest g1") && error.message.contains("g8"))
  }

  @Test func scopesThatAreNotThere() async throws {
    let host = try await Self.host(runs: false)
    let live = try await refusal(host) { try await $0.attach(Self.fromPool, to: "g1", .live) }
    #expect(live.message == "guest g1 doesn't run; start it, or change its definition (--config)")
    let transient = FakeLibvirt.guest(2, networks: [])
    #expect(await host.libvirt.start(transient, host.manager) == nil)
    let config = try await refusal(host) { try await $0.attach(Self.fromPool, to: "g2", .config) }
    #expect(config.message.contains("guest g2 is transient"))
  }

  @Test func aTrunkAndABridgesVirtualPortAreRefused() async throws {
    let host = try await Self.host()
    for (inside, words) in [
      ("<vlan trunk='yes'><tag id='1'/><tag id='2'/></vlan>", "--vlan ID"),
      ("<virtualport type='802.1Qbg'/>", "--profile ID"),
    ] {
      let xml = "<network><name>sticky</name><forward mode='hostdev'/>\(inside)</network>"
      host.libvirt.state.withLock { $0.networks["sticky"]?.facts.xml = xml }
      await host.manager.rereadNetworks()
      let error = try await refusal(host) { try await $0.attach(Self.fromPool, to: "g1", .config) }
      #expect(error.message.contains(words))
    }
  }

  // MARK: Out again

  @Test func aGuestThatLetsGoGivesTheVFBack() async throws {
    let host = try await Self.host(FakeHost.spread)
    let before = try #require(host.kernel[first])
    let request = AttachRequest(.pool("spread", portgroup: nil))
    let mac = try #require(try await host.manager.attach(request, to: "g1", [.live, .config]).device.mac)
    let outcome = try await host.manager.detach(.mac(mac), from: "g1", [.live, .config], timeout: .seconds(5))
    #expect(outcome.done == "runs without VF enp1s0/0 now, and is defined without VF enp1s0/0 now")
    #expect(host.ledger.contents.leases.isEmpty && host.libvirt.ports("spread").isEmpty)
    #expect(host.ledger.history.map(\.reason) == ["detached"])
    #expect(host.kernel[first] == before)
    #expect(Self.running(host)?.nics == [] && Self.defined(host) == [])
  }

  @Test func whatTheGuestGotAtItsStartGoesTheSameWay() async throws {
    let host = try await Self.host()
    let other = FakeLibvirt.guest(2, networks: ["sticky"])
    host.libvirt.state.withLock { $0.defined.append(other) }
    #expect(await host.libvirt.start(other, host.manager) == nil)
    let outcome = try await host.manager.detach(.device("enp1s0/0"), from: "g2", .live, timeout: .seconds(5))
    #expect(outcome.notes.count == 1 && outcome.notes[0].contains("--config"))
    #expect(host.ledger.contents.leases.isEmpty && host.libvirt.ports("sticky").isEmpty)
    // The definition's NIC has no address; it is found by its MAC.
    let mac = try #require(other.nics[0].mac)
    _ = try await host.manager.detach(.mac(mac), from: "g2", .config, timeout: .seconds(5))
    #expect(host.libvirt.state.withLock { $0.defined[1].nics } == [])
  }

  @Test func aGuestThatIgnoresItKeepsItsLeaseUntilItLetsGo() async throws {
    let host = try await Self.host()
    host.libvirt.state.withLock { $0.deafGuests = ["g1"] }
    let mac = try #require(try await host.manager.attach(Self.fromPool, to: "g1", [.live, .config]).device.mac)
    let error = try await refusal(host) {
      try await $0.detach(.mac(mac), from: "g1", [.live, .config], timeout: .milliseconds(50))
    }
    #expect(error.message.contains("guest g1 has not let VF enp1s0/0 go within 0 s, and keeps it with its lease"))
    #expect(host.ledger.contents.leases.values.map(\.state) == [.active])
    let shown = try await host.manager.guestViews()
    #expect(shown.map(\.devices.first?.isLeaving) == [true])
    let devices = try #require(Self.running(host))
    await host.libvirt.letGo(devices, of: Self.guest.guest)
    try await eventually("the VF is returned") {
      host.ledger.contents.leases.isEmpty && host.libvirt.ports("sticky").isEmpty
    }
    #expect(host.kernel[first]?.vlan == nil)
  }

  @Test func aGuestThatRefusesKeepsItsLease() async throws {
    let host = try await Self.host()
    host.libvirt.state.withLock { $0.stubbornGuests = ["g1"] }
    let mac = try #require(try await host.manager.attach(Self.fromPool, to: "g1", .live).device.mac)
    let error = try await refusal(host) { try await $0.detach(.mac(mac), from: "g1", [], timeout: .seconds(60)) }
    #expect(error.message == "guest g1 refused to let VF enp1s0/0 go, and keeps it with its lease")
    #expect(try await host.manager.guestViews().first?.devices.first?.isLeaving == false)
  }

  @Test func aGuestThatStopsMeanwhileHasLetGo() async throws {
    let host = try await Self.host()
    host.libvirt.state.withLock { $0.deafGuests = ["g1"] }
    let mac = try #require(try await host.manager.attach(Self.fromPool, to: "g1", .live).device.mac)
    let manager = host.manager
    async let outcome = manager.detach(.mac(mac), from: "g1", .live, timeout: .seconds(60))
    try await eventually("the guest is asked") {
      host.libvirt.state.withLock { $0.calls.contains { $0.hasPrefix("detachLive") } }
    }
    await host.libvirt.stop(Self.guest.guest, host.manager)
    #expect(try await outcome.done == "runs without VF enp1s0/0 now")
    #expect(host.ledger.contents.leases.isEmpty)
  }

  @Test func nothingOfTheKindToDetach() async throws {
    let host = try await Self.host()
    let none = try await refusal(host) {
      try await $0.detach(.mac(MACAddress(value: 9)), from: "g1", [], timeout: .zero)
    }
    #expect(none.message.contains("has no VF or device with MAC 00:00:00:00:00:09; it has none at all"))
    let mac = try #require(try await host.manager.attach(Self.fromPool, to: "g1", .live).device.mac)
    let elsewhere = try await refusal(host) { try await $0.detach(.mac(mac), from: "g1", .config, timeout: .zero) }
    #expect(elsewhere.message.contains("it has with --live"))
  }

  // MARK: Fail-over pairs

  @Test func theVFOfAFailOverPairHasThePartnersMAC() async throws {
    let host = try await Self.host()
    let mac = MACAddress(value: 0x5254_0000_00aa)
    let other = { (team: String) in "<interface type='user'><mac address='\(mac)'/>\(team)</interface>" }
    let request = AttachRequest(.pool("sticky", portgroup: nil), teaming: mac)
    await host.setDevices(other(""), of: Self.guest.guest)
    let plain = try await refusal(host) { try await $0.attach(request, to: "g1", .live) }
    #expect(plain.message.contains("<teaming type='persistent'/>"))
    await host.setDevices(other("<alias name='ua-a'/><teaming type='persistent'/>"), of: Self.guest.guest)
    _ = try await host.manager.attach(request, to: "g1", .live)
    let xml = try #require(host.libvirt.state.withLock { $0.attached.last })
    #expect(xml.contains(#"<mac address="\#(mac)"/>"#))
    #expect(xml.contains(#"<teaming type="transient" persistent="ua-a"/>"#))
    let missing = AttachRequest(.pool("sticky", portgroup: nil), teaming: MACAddress(value: 3))
    #expect(try await refusal(host) { try await $0.attach(missing, to: "g1", .live) }.code == .notFound)
  }

  // MARK: Other devices

  private static let gpu = PCIDevice(
    pci: PCIAddress(bus: 7, slot: 0, function: 0), ids: PCIIDs(deviceClass: 0x0300, vendor: 0x10de, device: 0x1b80),
    driver: "nouveau", iommuGroup: 30)
  private static let sound = PCIDevice(
    pci: PCIAddress(bus: 7, slot: 0, function: 1), ids: PCIIDs(deviceClass: 0x0403, vendor: 0x10de, device: 0x10f0),
    driver: "vfio-pci", iommuGroup: 30)

  @Test func aDeviceGoesInAndOut() async throws {
    let host = try await Self.host()
    host.devices.add(Self.gpu)
    let request = AttachRequest(.device("pci_0000_07_00_0"))
    let outcome = try await host.manager.attach(request, to: "g1", [.live, .config])
    #expect(outcome.done == "has 0000:07:00.0 now" && outcome.device.kind == .hostdev)
    #expect(Self.running(host)?.hostdevs == [Self.gpu.pci])
    #expect(try await refusal(host) { try await $0.attach(request, to: "g1", .live) }.message.contains("already"))
    let gone = try await host.manager.detach(.device("07:00.0"), from: "g1", [.live, .config], timeout: .seconds(5))
    #expect(gone.done.hasPrefix("runs without 0000:07:00.0 now"))
    #expect(Self.running(host)?.hostdevs == [] && host.libvirt.state.withLock { $0.defined[0].hostdevs } == [])
  }

  @Test func anIOMMUGroupIsNeverSplit() async throws {
    let host = try await Self.host()
    host.devices.add(Self.gpu)
    host.devices.add(Self.sound)
    let request = AttachRequest(.device("\(Self.sound.pci)"))
    let split = try await refusal(host) { try await $0.attach(request, to: "g1", .live) }
    #expect(split.message.contains("also holds 0000:07:00.0 on nouveau"))
    #expect(split.message.contains("vfpool device detach 0000:07:00.0"))
    // A definition may get it all the same: what is so now need not be so at its start.
    #expect(try await host.manager.attach(request, to: "g1", .config).notes.count == 1)
    host.devices.change(Self.gpu.pci) { $0.driver = "vfio-pci" }
    _ = try await host.manager.attach(AttachRequest(.device("\(Self.gpu.pci)")), to: "g1", .live)
    _ = try await host.manager.attach(request, to: "g1", .live)
    let other = FakeLibvirt.guest(2, networks: [])
    #expect(await host.libvirt.start(other, host.manager) == nil)
    let taken = try await refusal(host) { try await $0.attach(request, to: "g2", .live) }
    #expect(taken.message.contains("which guest g1 has"))
  }

  @Test func aCardWithSeveralFunctionsGoesInAsOne() async throws {
    let host = try await Self.host()
    host.devices.add(Self.gpu)
    let request = AttachRequest(.device("\(Self.gpu.pci)"), isMultifunction: true)
    #expect(try await refusal(host) { try await $0.attach(request, to: "g1", []) }.message.contains("only function"))
    host.devices.add(Self.sound)
    let live = try await refusal(host) { try await $0.attach(request, to: "g1", .live) }
    #expect(live.message.contains("--config"))
    let nic = AttachRequest(.device("\(Self.gpu.pci)"), vlan: 7, isMultifunction: true)
    #expect(try await refusal(host) { try await $0.attach(nic, to: "g1", .config) }.code == .invalid)
    #expect(host.libvirt.state.withLock { $0.attached.isEmpty })

    let outcome = try await host.manager.attach(request, to: "g1", [])
    #expect(outcome.done == "will have 0000:07:00.0, 0000:07:00.1 in one slot from its next start on")
    #expect(outcome.notes == [])
    let added = host.libvirt.state.withLock(\.attached)
    #expect(added.count == 3 && added[0].contains(#"model="pcie-root-port""#))
    #expect(added[1].contains(#"function="0x0" multifunction="on"/>"#))
    #expect(added[2].contains(#"function="0x1"/>"#) && !added[2].contains("multifunction"))
    #expect(Self.running(host)?.hostdevs == [])
    #expect(host.libvirt.state.withLock { $0.defined[0].hostdevs } == [Self.gpu.pci, Self.sound.pci])
  }

  @Test func whatElseIsInTheGroupIsTold() async throws {
    let host = try await Self.host()
    let card = PCIAddress(bus: 8, slot: 0, function: 0)
    for device in [Self.gpu, Self.sound] { host.devices.add(device) }
    host.devices.add(
      PCIDevice(
        pci: card, ids: PCIIDs(deviceClass: 0x0200, vendor: 0x8086, device: 0x10c9), driver: "igb", iommuGroup: 30))
    let request = AttachRequest(.device("\(Self.gpu.pci)"), isMultifunction: true)
    let notes = try await host.manager.attach(request, to: "g1", .config).notes
    #expect(notes.count == 2 && notes.allSatisfy { $0.contains("won't start") && $0.contains("0000:08:00.0 on igb") })
  }

  @Test func anAnswerThatIsLostIsNoFailure() async throws {
    let host = try await Self.host()
    host.devices.add(Self.gpu)
    host.devices.add(Self.sound)
    let request = AttachRequest(.device("\(Self.gpu.pci)"), isMultifunction: true)
    host.libvirt.state.withLock { _ = $0.failing.insert("addToDefinition") }
    let error = try await refusal(host) { try await $0.attach(request, to: "g1", .config) }
    #expect(error.message.contains("all is as it was"))
    #expect(host.libvirt.state.withLock { $0.defined[0].hostdevs } == [])
    host.libvirt.state.withLock { ($0.failing, $0.answersLost) = ([], ["addToDefinition"]) }
    #expect(try await host.manager.attach(request, to: "g1", .config).done.hasPrefix("will have"))
    let again = try await refusal(host) { try await $0.attach(request, to: "g1", .config) }
    #expect(again.message.contains("already"))
    #expect(host.libvirt.state.withLock { $0.defined[0].hostdevs } == [Self.gpu.pci, Self.sound.pci])
  }

  /// Without a function 0 a guest sees none of its slot.
  @Test func functionsAreNumberedAnewWhereTheFirstIsMissing() async throws {
    let host = try await Self.host()
    for function: UInt8 in [2, 3] {
      host.devices.add(
        PCIDevice(
          pci: PCIAddress(bus: 7, slot: 0, function: function),
          ids: PCIIDs(deviceClass: 0x0403, vendor: 0x10de, device: 0x10f0), iommuGroup: 30))
    }
    _ = try await host.manager.attach(AttachRequest(.device("07:00.3"), isMultifunction: true), to: "g1", .config)
    let added = host.libvirt.state.withLock(\.attached)
    #expect(added[1].contains(#"function="0x0" multifunction="on"/>"#) && added[2].contains(#"function="0x1"/>"#))
  }

  @Test func noDefinitionAsksForWhatTheHostUses() async throws {
    let host = try await Self.host()
    for isMultifunction in [false, true] {
      let card = AttachRequest(.device("enp1s0"), isMultifunction: isMultifunction)
      let error = try await refusal(host) { try await $0.attach(card, to: "g1", .config) }
      #expect(error.message.contains(isMultifunction ? "only function" : "VFs, which would go"))
    }
    var busy = Self.gpu
    busy.netdevs = [DeviceNetdev(name: "eth9", isUp: true)]
    host.devices.add(busy)
    host.devices.add(Self.sound)
    let slot = AttachRequest(.device("\(Self.sound.pci)"), isMultifunction: true)
    let error = try await refusal(host) { try await $0.attach(slot, to: "g1", .config) }
    #expect(error.message.contains("has interface eth9 up"))
    #expect(host.libvirt.state.withLock { $0.attached.isEmpty })
  }

  @Test func moreDevicesThanLibvirtVouchesForAreTold() async throws {
    let host = try await Self.host()
    let others = (0..<31).map {
      "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='\(32 + $0)' slot='0' function='0'/></source></hostdev>"
    }
    await host.setDevices(others.joined(), of: Self.guest.guest)
    host.devices.add(Self.gpu)
    host.devices.add(Self.sound)
    let slot = AttachRequest(.device("\(Self.sound.pci)"), isMultifunction: true)
    let notes = try await host.manager.attach(slot, to: "g1", .config).notes
    #expect(notes == ["guest g1 has 33 devices with it; more than 32 may fail"])
  }

  @Test func functionsOfASlotLeaveItTogether() async throws {
    let host = try await Self.host()
    let (first, second) = (PCIAddress(bus: 9, slot: 0, function: 0), PCIAddress(bus: 9, slot: 0, function: 1))
    let aliased = { (pci: PCIAddress, place: PCIAddress) in
      pci.hostdevXML(at: place).replacing("</hostdev>", with: "<alias name='\(pci)'/></hostdev>")
    }
    await host.setDevices(aliased(Self.gpu.pci, first) + aliased(Self.sound.pci, second), of: Self.guest.guest)
    let patience = Duration.seconds(1)
    let live = try await refusal(host) {
      try await $0.detach(.device("\(Self.sound.pci)"), from: "g1", .live, timeout: patience)
    }
    #expect(live.message.contains("in one slot with 0000:07:00.0"))
    let config = try await refusal(host) {
      try await $0.detach(.device("\(Self.gpu.pci)"), from: "g1", .config, timeout: patience)
    }
    #expect(config.message.contains("detach those first: 0000:07:00.1"))
    let calls = host.libvirt.state.withLock(\.calls)
    #expect(!calls.contains { $0.hasPrefix("detach") })
    let gone = try await host.manager.detach(.device("\(Self.sound.pci)"), from: "g1", .config, timeout: patience)
    #expect(gone.done == "is defined without 0000:07:00.1 now")
  }

  @Test func aPoolsVFIsThePoolsToGive() async throws {
    let host = try await Self.host()
    let error = try await refusal(host) { try await $0.attach(AttachRequest(.device("enp1s0/3")), to: "g1", .live) }
    #expect(error.message.contains("vfpool guest attach g1 --pool sticky"))
    host.devices.add(Self.gpu)
    let nic = AttachRequest(.device("\(Self.gpu.pci)"), mac: MACAddress(value: 0x5254_0000_0001))
    #expect(try await refusal(host) { try await $0.attach(nic, to: "g1", .live) }.message.contains("is no VF"))
    let beyond = AttachRequest(.device("enp2s0/0"), vlan: 4095)
    #expect(try await refusal(host) { try await $0.attach(beyond, to: "g1", .live) }.message.contains("1...4094"))
    let free = AttachRequest(.device("enp2s0/0"), mac: MACAddress(value: 0x5254_0000_0001), vlan: 9)
    _ = try await host.manager.attach(free, to: "g1", .live)
    let vf = try #require(host.kernel[VFIndex(pf: "enp2s0", index: 0)])
    #expect(vf.mac == free.mac && vf.vlan?.id == 9)
  }

  // MARK: What guests have

  @Test func guestsWithAllThatTheyHave() async throws {
    let host = try await Self.host()
    let outcome = try await host.manager.attach(Self.fromPool, to: "g1", [.live, .config])
    let other = FakeLibvirt.guest(2, networks: ["sticky", "nowhere"])
    host.libvirt.state.withLock { $0.defined.append(other) }
    let views = try await host.manager.guestViews()
    #expect(views.map(\.guest.name) == ["g1", "g2"])
    #expect(views.map(\.isRunning) == [true, false])
    #expect(views.map(\.freePlaces) == [7, nil])
    #expect(views[0].devices == [outcome.device])
    #expect(views[1].devices.map(\.pool) == ["sticky", nil])
    #expect(views[1].devices.map(\.scope) == [.config, .config])
  }
}

extension FakeHost {
  /// A guest's other devices, as they stand in its XML.
  fileprivate func setDevices(_ xml: String, of guest: GuestID) async {
    libvirt.state.withLock { $0.otherDevices[guest.uuid] = xml }
  }
}
