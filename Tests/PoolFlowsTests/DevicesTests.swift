import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

struct DevicesTests {
  private static let vf = PCIAddress(bus: 1, slot: 16, function: 0)
  private static let pf = PCIAddress(bus: 2, slot: 0, function: 0)
  private static let disk = PCIAddress(bus: 0, slot: 4, function: 0)
  private static let gpu = PCIAddress(bus: 7, slot: 0, function: 0)
  private static let sound = PCIAddress(bus: 7, slot: 0, function: 1)

  /// What a verb is refused with.
  private func refusal(_ host: FakeHost, _ verb: DeviceVerb, _ names: [String]) async -> FlowError? {
    let calls = host.devices.calls
    let error = await #expect(throws: FlowError.self) { try await host.manager.changeDevices(names, verb) }
    #expect(host.devices.calls == calls, "something was done")
    return error
  }

  private func withoutVFs() async throws -> FakeHost { try await FakeHost(kernel: FakeKernel(count: 0)) }

  private func added(_ host: FakeHost) {
    host.devices.add(
      PCIDevice(
        pci: Self.gpu, ids: PCIIDs(deviceClass: 0x0300, vendor: 0x10de, device: 0x1b80), driver: "nouveau",
        iommuGroup: 30))
    host.devices.add(
      PCIDevice(
        pci: Self.sound, ids: PCIIDs(deviceClass: 0x0403, vendor: 0x10de, device: 0x10f0), driver: "snd_hda_intel",
        iommuGroup: 30))
    host.devices.add(
      PCIDevice(
        pci: PCIAddress(bus: 0, slot: 1, function: 0), ids: PCIIDs(deviceClass: 0x0604, vendor: 0x8086, device: 1),
        driver: "pcieport", iommuGroup: 30))
  }

  // MARK: What is seen

  @Test func everyDeviceWithItsNames() async throws {
    let host = try await FakeHost()
    host.devices.state.withLock {
      $0.names = PCINames(
        vendors: [0x8086: "Intel Corporation"], devices: [0x8086_10ca: "82576 Virtual Function"],
        classes: [0x0200: "Ethernet controller"])
    }
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["sticky"])
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    let views = try await host.manager.deviceViews()
    #expect(views.count == 2 + 14)
    let leased = try #require(views.first { $0.device.pci == Self.vf })
    #expect(leased.vf == VFIndex(pf: "enp1s0", index: 0))
    #expect(leased.pool == "sticky")
    #expect(leased.guest == "g1")
    #expect(leased.deviceName == "82576 Virtual Function")
    #expect(leased.obstacles.map(\.reason) == ["is leased to guest g1"])
    let card = try #require(views.first { $0.device.kind == .pf })
    #expect(card.vendorName == "Intel Corporation")
    #expect(card.deviceName == nil)
    #expect(
      card.obstacles.map(\.reason) == [
        "has 7 VFs, which would go, and of them are leased: enp1s0/0 to guest g1",
        "is a PF that pool sticky takes VFs from",
      ])
    // Nothing of procfs is walked for a list.
    #expect(host.devices.state.withLock { $0.looks } == [])
  }

  @Test func oneDeviceWithItsGroup() async throws {
    let host = try await FakeHost()
    added(host)
    for name in ["0000:07:00.0", "07:00.0", "pci_0000_07_00_0"] {
      let detail = try await host.manager.deviceDetail(name)
      #expect(detail.view.device.pci == Self.gpu)
      #expect(detail.view.obstacles == [])
      #expect(detail.companions.map(\.device.driver) == ["pcieport", "snd_hda_intel"])
      #expect(detail.companions.map(\.device.blocksItsGroup) == [false, true])
      #expect(detail.facts?.name == "pci_0000_07_00_0")
      #expect(
        detail.notes == [
          "IOMMU group 30 goes to a guest as a whole, and still with the host is 0000:07:00.1 on snd_hda_intel: "
            + "detach it, too"
        ])
    }
    #expect(try await host.manager.deviceDetail("enp1s0/0").view.device.pci == Self.vf)
    #expect(try await host.manager.deviceDetail("enp2s0").view.device.pci == Self.pf)
  }

  @Test func whatIsUnknownIsSaid() async throws {
    let host = try await FakeHost()
    host.devices.change(Self.pf) { $0.iommuGroup = nil }
    host.devices.state.withLock { $0.isUnknownToLibvirt = true }
    let detail = try await host.manager.deviceDetail("enp2s0")
    #expect(detail.facts == nil)
    #expect(detail.notes.count == 2)
    #expect(detail.notes[0].contains("no IOMMU group"))
    #expect(detail.notes[1].contains("libvirt doesn't know it"))
    let error = await #expect(throws: FlowError.self) { try await host.manager.deviceDetail("0000:99:00.0") }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains("0000:99:00.0") == true)
  }

  // MARK: What is done

  @Test func aFreeVFGoesAndComesBack() async throws {
    let host = try await FakeHost()
    let detached = try await host.manager.changeDevices(["enp1s0/0"], .detach)
    #expect(detached.map(\.done) == ["is on vfio-pci now, was on igbvf"])
    #expect(detached.map(\.view.device.driver) == ["vfio-pci"])
    #expect(detached.map(\.notes) == [[]])
    #expect(try await host.manager.changeDevices(["01:10.0"], .detach).map(\.done) == ["is on vfio-pci already"])
    let back = try await host.manager.changeDevices(["pci_0000_01_10_0"], .reattach)
    #expect(back.map(\.done) == ["is on igbvf now, was on vfio-pci"])
    #expect(try await host.manager.changeDevices(["01:10.0"], .reattach).map(\.done) == ["is on igbvf already"])
    #expect(host.devices.calls == ["detach 0000:01:10.0", "reattach 0000:01:10.0"])
  }

  @Test func theRestOfTheGroupIsANote() async throws {
    let host = try await FakeHost()
    added(host)
    let first = try await host.manager.changeDevices(["07:00.0"], .detach)
    #expect(first[0].notes.count == 1)
    #expect(first[0].notes[0].contains("0000:07:00.1 on snd_hda_intel"))
    #expect(try await host.manager.changeDevices(["07:00.1"], .detach).map(\.notes) == [[]])
    // Both at once, and one of them twice.
    _ = try await host.manager.changeDevices(["07:00.0", "07:00.1"], .reattach)
    let both = try await host.manager.changeDevices(["07:00.0", "07:00.1", "0000:07:00.0"], .detach)
    #expect(both.map(\.notes) == [[], []])
  }

  @Test func aReattachThatNoDriverTakes() async throws {
    let host = try await FakeHost()
    host.devices.add(
      PCIDevice(
        pci: Self.gpu, ids: PCIIDs(deviceClass: 0x0300, vendor: 1, device: 1), driver: "vfio-pci", iommuGroup: 3))
    host.devices.state.withLock { $0.ownDrivers = [:] }
    let outcome = try await host.manager.changeDevices(["07:00.0"], .reattach)
    #expect(outcome.map(\.done) == ["is on no driver now, was on vfio-pci"])
    #expect(outcome[0].notes.first?.contains("no driver took it") == true)
  }

  @Test func whatLibvirtLeavesUndoneIsSaid() async throws {
    let host = try await FakeHost()
    let flr = try await host.manager.changeDevices(["enp1s0/0"], .reset)
    #expect(flr.map(\.done) == ["was left as it is"])
    #expect(flr[0].notes.first?.contains("FLR") == true)
    _ = try await host.manager.changeDevices(["enp1s0/1"], .detach)
    let vfio = try await host.manager.changeDevices(["enp1s0/1"], .reset)
    #expect(vfio[0].notes.first?.contains("whenever a guest gets it") == true)
    host.devices.change(Self.vf) { $0.resetMethods = ["bus"] }
    let bus = try await host.manager.changeDevices(["enp1s0/0"], .reset)
    #expect(bus.map(\.done) == ["was reset"])
    #expect(bus.map(\.notes) == [[]])
  }

  @Test func aFailureSaysWhatWasDoneBefore() async throws {
    let host = try await FakeHost()
    host.devices.state.withLock { $0.deaf = ["detach"] }
    let deaf = await #expect(throws: FlowError.self) {
      try await host.manager.changeDevices(["enp1s0/0"], .detach)
    }
    #expect(deaf?.message == "libvirt says it detached 0000:01:10.0, but it is on igbvf")
    host.devices.state.withLock { state in
      state.deaf = []
      state.failing = ["detach"]
    }
    let failed = await #expect(throws: FlowError.self) {
      try await host.manager.changeDevices(["enp1s0/0"], .detach)
    }
    #expect(failed?.code == .failed)
    #expect(failed?.message == "0000:01:10.0 was not detached: detach failed")
    host.devices.state.withLock { $0.failing = ["detach 0000:01:10.2"] }
    let second = await #expect(throws: FlowError.self) {
      try await host.manager.changeDevices(["enp1s0/0", "enp1s0/1", "enp1s0/2"], .detach)
    }
    #expect(
      second?.message
        == "0000:01:10.2 was not detached: detach 0000:01:10.2 failed\ndetached before that: 0000:01:10.0")
    #expect(host.devices.calls.last == "detach 0000:01:10.2")
  }

  @Test func whatComesUpMeanwhileStopsTheRest() async throws {
    let host = try await FakeHost()
    let (first, second) = (VFIndex(pf: "enp1s0", index: 0), PCIAddress(bus: 1, slot: 16, function: 2))
    host.devices.change(second) { [kernel = host.kernel] device in
      guard kernel.state.withLock({ $0.vfs[first]?.driver }) == "vfio-pci" else { return }
      device.netdevs = [DeviceNetdev(name: "v1", isUp: true, addresses: ["192.0.2.1"])]
    }
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.changeDevices(["enp1s0/0", "enp1s0/1"], .detach)
    }
    #expect(error?.code == .refused)
    #expect(error?.message.contains("it has interface v1 up with address 192.0.2.1") == true)
    #expect(error?.message.hasSuffix("\ndetached before that: 0000:01:10.0") == true)
    #expect(host.devices.calls == ["detach 0000:01:10.0"])
  }

  // MARK: What is refused

  @Test func withoutLibvirtNothingIsChanged() async throws {
    let host = try await FakeHost()
    await host.manager.libvirtDisconnected()
    #expect(await refusal(host, .detach, ["enp1s0/0"])?.code == .unavailable)
    #expect(try await host.manager.deviceViews().count == 16)
  }

  @Test func anUnknownDeviceAmongManyStopsAll() async throws {
    let host = try await FakeHost()
    #expect(await refusal(host, .detach, ["enp1s0/0", "nonsense"])?.code == .notFound)
  }

  @Test(arguments: [DeviceVerb.detach, .reattach, .reset])
  func aLeasedVF(verb: DeviceVerb) async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    #expect(await host.libvirt.start(FakeLibvirt.guest(1, networks: ["sticky"]), host.manager) == nil)
    let error = await refusal(host, verb, ["enp1s0/0"])
    #expect(error?.code == .refused)
    #expect(
      error?.message
        == "0000:01:10.0 (VF enp1s0/0) can't be \(verb.participle): it is leased to guest g1; stop the guest first")
  }

  @Test func aVFOfAPool() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    for verb in [DeviceVerb.detach, .reset] {
      let error = await refusal(host, verb, ["enp1s0/3"])
      #expect(error?.message.contains("it belongs to pool sticky") == true)
      #expect(error?.message.contains("`vfpool vf reset`") == true)
    }
    // Getting it back to the host is what the pool wants, too.
    host.kernel.bind(VFIndex(pf: "enp1s0", index: 3), to: "vfio-pci")
    #expect(try await host.manager.changeDevices(["enp1s0/3"], .reattach).count == 1)
  }

  @Test(arguments: [DeviceVerb.detach, .reattach, .reset])
  func whatARunningGuestHas(verb: DeviceVerb) async throws {
    let host = try await FakeHost()
    host.kernel.bind(VFIndex(pf: "enp1s0", index: 0), to: "vfio-pci")
    let guest = GuestDescription(guest: GuestID(name: "db", uuid: "u"), nics: [], hostdevs: [Self.vf])
    host.libvirt.state.withLock { $0.running["u"] = guest }
    let error = await refusal(host, verb, ["enp1s0/0"])
    #expect(error?.message.contains("it is in running guest db; stop the guest") == true)
    #expect(try await host.manager.deviceDetail("enp1s0/0").view.guest == "db")
  }

  @Test(arguments: [DeviceVerb.detach, .reattach, .reset])
  func whatAProcessHasOpen(verb: DeviceVerb) async throws {
    let host = try await FakeHost()
    host.kernel.bind(VFIndex(pf: "enp1s0", index: 0), to: "vfio-pci")
    host.devices.change(Self.vf) { $0.vfioNode = "vfio2" }
    for node in ["/dev/vfio/100", "/dev/vfio/devices/vfio2"] {
      host.devices.state.withLock { $0.users = [node: ["dpdk (process 7)"], "/dev/vfio/9": ["other (process 8)"]] }
      let error = await refusal(host, verb, ["enp1s0/0"])
      #expect(error?.message.hasSuffix("it is open in dpdk (process 7); end that first") == true)
    }
    // Of a device that isn't on vfio the same file is somebody else's.
    host.kernel.bind(VFIndex(pf: "enp1s0", index: 0), to: "igbvf")
    #expect(try await host.manager.changeDevices(["enp1s0/0"], .reset).count == 1)
  }

  @Test(arguments: [DeviceVerb.detach, .reattach, .reset])
  func bridges(verb: DeviceVerb) async throws {
    let host = try await FakeHost()
    added(host)
    let error = await refusal(host, verb, ["00:01.0"])
    #expect(error?.message.contains("0000:00:01.0 can't be \(verb.participle): it is a bridge") == true)
  }

  @Test func aPFWithVFs() async throws {
    let host = try await FakeHost()
    for verb in [DeviceVerb.detach, .reset] {
      let error = await refusal(host, verb, ["enp2s0"])
      #expect(
        error?.message
          == "0000:02:00.0 (enp2s0) can't be \(verb.participle): it has 7 VFs, which would go; remove them first: "
          + "vfpool pf set-vfs enp2s0 0")
    }
  }

  @Test func aPFWithLeasedVFsNamesTheGuests() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    for number in 1...2 {
      _ = await host.libvirt.start(FakeLibvirt.guest(number, networks: ["sticky"]), host.manager)
    }
    let message = try #require(await refusal(host, .detach, ["enp1s0"])?.message)
    #expect(message.contains("enp1s0/0 to guest g1, enp1s0/1 to guest g2; stop the guests, then"))
    #expect(message.contains("\n  it is a PF that pool sticky takes VFs from"))
  }

  @Test(arguments: [
    (
      DeviceNetdev(name: "enp2s0", isUp: true, defaultRoutes: ["IPv4"]),
      "carries the host's default route on enp2s0 (IPv4)"
    ),
    (
      DeviceNetdev(name: "enp2s0", defaultRoutes: ["IPv4", "IPv6 through bridge br0"]),
      "carries the host's default route on enp2s0 (IPv4, IPv6 through bridge br0)"
    ),
  ])
  func theDefaultRoute(netdev: DeviceNetdev, reason: String) async throws {
    let host = try await withoutVFs()
    host.devices.change(Self.pf) { $0.netdevs = [netdev] }
    for verb in [DeviceVerb.detach, .reset] {
      let error = await refusal(host, verb, ["enp2s0"])
      #expect(error?.code == .refused)
      #expect(error?.message.contains("it \(reason); let another interface carry it first") == true)
    }
  }

  @Test func whatTheKernelMadeOfItOrAProcessHasOpen() async throws {
    let host = try await withoutVFs()
    host.devices.change(Self.pf) { device in
      device.parts = ["vDPA device vdpa0"]
      device.charNodes = ["/dev/infiniband/uverbs0"]
    }
    host.devices.state.withLock { $0.users = ["/dev/infiniband/uverbs0": ["ibv_rc (process 9)"]] }
    let error = await refusal(host, .detach, ["02:00.0"])
    #expect(error?.message.contains("is the parent of vDPA device vdpa0") == true)
    #expect(error?.message.contains("is open in ibv_rc (process 9) as /dev/infiniband/uverbs0") == true)
  }

  @Test(arguments: [
    (DeviceNetdev(name: "e0", isUp: true, addresses: ["192.0.2.1"]), "has interface e0 up with address 192.0.2.1"),
    (DeviceNetdev(name: "e0", master: "bond bond0"), "has interface e0 in bond bond0"),
    (DeviceNetdev(name: "e0", uppers: ["vlan e0.5"]), "has interface e0, which carries vlan e0.5"),
    (DeviceNetdev(name: "e0", isUp: true), "has interface e0 up"),
    (DeviceNetdev(name: "e0", addresses: ["192.0.2.1"]), nil),
  ])
  func interfacesInUse(netdev: DeviceNetdev, reason: String?) async throws {
    let host = try await withoutVFs()
    host.devices.change(Self.pf) { $0.netdevs = [netdev] }
    #expect(try await host.manager.deviceDetail("02:00.0").view.obstacles.map(\.reason) == (reason.map { [$0] } ?? []))
    if let reason {
      #expect(await refusal(host, .detach, ["02:00.0"])?.message.contains("it \(reason); ") == true)
    }
  }

  @Test func aResetNeedsTheInterfaceDown() async throws {
    let host = try await withoutVFs()
    host.devices.change(Self.pf) { $0.netdevs = [DeviceNetdev(name: "enp2s0", isUp: true)] }
    let error = await refusal(host, .reset, ["enp2s0"])
    #expect(error?.message.contains("it has interface enp2s0 up; set it down first: ip link set enp2s0 down") == true)
    host.devices.change(Self.pf) { $0.netdevs = [DeviceNetdev(name: "enp2s0")] }
    #expect(try await host.manager.changeDevices(["enp2s0"], .reset).count == 1)
  }

  @Test func anInterfaceInAnotherNamespace() async throws {
    let host = try await withoutVFs()
    host.devices.change(Self.pf) { device in
      device.netdevs = []
      device.isElsewhere = true
    }
    for verb in [DeviceVerb.detach, .reset] {
      #expect(await refusal(host, verb, ["02:00.0"])?.message.contains("in another network namespace") == true)
    }
  }

  @Test func disksInUse() async throws {
    let host = try await FakeHost()
    let ids = PCIIDs(deviceClass: 0x0100, vendor: 0x1af4, device: 0x1001)
    host.devices.add(
      PCIDevice(
        pci: Self.disk, ids: ids, driver: "virtio-pci",
        disks: [DeviceDisk(name: "vda"), DeviceDisk(name: "vda1", use: "is mounted on /")]))
    for verb in [DeviceVerb.detach, .reset] {
      #expect(
        await refusal(host, verb, ["00:04.0"])?.message
          == "0000:00:04.0 can't be \(verb.participle): it has disks in use: vda1 is mounted on /; "
          + "unmount them, or stop what uses them, first")
    }
    let other = PCIAddress(bus: 0, slot: 5, function: 0)
    host.devices.add(PCIDevice(pci: other, ids: ids, driver: "virtio-pci", disks: [DeviceDisk(name: "vdb")]))
    host.devices.state.withLock { $0.users = ["/dev/vdb": ["qemu-system-x86 (process 9)"]] }
    let open = await refusal(host, .detach, ["00:05.0"])
    #expect(open?.message.contains("vdb is open in qemu-system-x86 (process 9)") == true)
    host.devices.state.withLock { $0.users = [:] }
    #expect(try await host.manager.changeDevices(["00:05.0"], .detach).count == 1)
  }

  @Test func allReasonsOfAllDevicesAreTold() async throws {
    let host = try await FakeHost()
    host.devices.change(Self.pf) {
      $0.netdevs = [DeviceNetdev(name: "enp2s0", isUp: true, addresses: ["192.0.2.1"], defaultRoutes: ["IPv4"])]
    }
    added(host)
    let message = try #require(await refusal(host, .detach, ["07:00.0", "enp2s0", "00:01.0"])?.message)
    let lines = message.split(separator: "\n")
    #expect(lines.count == 5)
    #expect(lines.first == "0000:02:00.0 (enp2s0) can't be detached:")
    #expect(lines.dropFirst().prefix(3).allSatisfy { $0.hasPrefix("  it ") })
    #expect(lines.last?.hasPrefix("0000:00:01.0 can't be detached: it is a bridge") == true)
  }
}
