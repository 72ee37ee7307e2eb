import PoolModel
import Testing

@testable import Sysfs

@Suite struct SysfsTreeDevicesTests {
  private static let mounts = HostMounts()

  @Test func aCardAndItsVF() throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3, vfs: 1, numa: 1)
    try fake.device("0000:01:00.0", driver: "igb", group: 14)
    for (name, content) in [
      ("subsystem_vendor", "0x8086"), ("subsystem_device", "0xa03c"), ("revision", "0x01"), ("reset", ""),
      ("reset_method", "flr bus"), ("driver_override", "(null)"),
    ] { try fake.file("bus/pci/devices/0000:01:00.0/\(name)", content + "\n") }
    try fake.vf(0, of: "0000:01:00.0", at: "0000:01:10.0", driver: "vfio-pci", group: 15)
    try fake.device("0000:01:10.0", device: "0x10ca")
    try fake.file("bus/pci/devices/0000:01:10.0/driver_override", "vfio-pci\n")
    try fake.folder("bus/pci/devices/0000:01:10.0/vfio-dev/vfio3")

    let inventory = fake.tree.pciDevices(mounts: Self.mounts)
    #expect(inventory.problems == [])
    #expect(
      inventory.devices == [
        PCIDevice(
          pci: PCIAddress(bus: 1, slot: 0, function: 0),
          ids: PCIIDs(
            deviceClass: 0x0200, vendor: 0x8086, device: 0x10c9, subsystemVendor: 0x8086, subsystemDevice: 0xa03c,
            revision: 1), driver: "igb", numaNode: 1, iommuGroup: 14, numVFs: 1, totalVFs: 7,
          resetMethods: ["flr", "bus"], netdevs: [DeviceNetdev(name: "enp1s0")]),
        PCIDevice(
          pci: PCIAddress(bus: 1, slot: 0x10, function: 0),
          ids: PCIIDs(deviceClass: 0x0200, vendor: 0x8086, device: 0x10ca), driver: "vfio-pci",
          driverOverride: "vfio-pci", numaNode: 0, iommuGroup: 15, pf: PCIAddress(bus: 1, slot: 0, function: 0),
          vfioNode: "vfio3"),
      ])
  }

  @Test func whatWasMadeOfItAndByWhichNodesItIsUsed() throws {
    let fake = try FakeSysfs()
    try fake.device("0000:03:00.0", driver: "i915", group: 2)
    let device = "bus/pci/devices/0000:03:00.0"
    for folder in [
      "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", "vdpa0", "vdpa_mgmt", "mdev_supported_types", "drm/card0",
      "drm/renderD128", "infiniband_verbs/uverbs0",
    ] { try fake.folder("\(device)/\(folder)") }
    let found = try #require(fake.tree.pciDevices(mounts: Self.mounts).devices.first)
    #expect(found.parts == ["mediated device 83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", "vDPA device vdpa0"])
    #expect(found.charNodes == ["/dev/dri/card0", "/dev/dri/renderD128", "/dev/infiniband/uverbs0"])
  }

  @Test func resetsOfAnOlderKernel() throws {
    let fake = try FakeSysfs()
    try fake.device("0000:01:00.0")
    try fake.file("bus/pci/devices/0000:01:00.0/reset", "")
    try fake.device("0000:02:00.0")
    #expect(fake.tree.pciDevices(mounts: Self.mounts).devices.map(\.resetMethods) == [["unknown"], []])
  }

  /// What is between a device and its interface doesn't matter; bridges on the way don't own it, a VMD does.
  @Test func interfacesBelongToWhatLeadsToThem() throws {
    let fake = try FakeSysfs()
    for (pci, code) in [
      ("0000:00:03.0", "0x020000"), ("0000:00:1c.0", "0x060400"), ("0000:02:00.0", "0x0c0330"),
      ("0000:00:0e.0", "0x010400"), ("10000:e1:00.0", "0x020000"), ("0000:03:00.0", "0x020000"),
    ] { try fake.device(pci, class: code) }
    for (name, path) in [
      ("eth0", "pci0000:00/0000:00:03.0/virtio0/net/eth0"),
      ("usb0", "pci0000:00/0000:00:1c.0/0000:02:00.0/usb1/1-1/1-1:1.0/net/usb0"),
      ("far0", "pci0000:00/0000:00:0e.0/pci10000:e0/10000:e1:00.0/net/far0"), ("br0", "virtual/net/br0"),
    ] { try fake.link("class/net/\(name)", to: "../../devices/\(path)") }
    try fake.file("class/net/bonding_masters", "bond0\n")
    try fake.folder("bus/pci/devices/0000:03:00.0/net")
    let inventory = fake.tree.pciDevices(mounts: Self.mounts)
    #expect(inventory.problems == [])
    let netdevs = Dictionary(
      uniqueKeysWithValues: inventory.devices.map { ("\($0.pci)", $0.netdevs.map(\.name)) })
    #expect(
      netdevs == [
        "0000:00:03.0": ["eth0"], "0000:00:1c.0": [], "0000:02:00.0": ["usb0"], "0000:00:0e.0": ["far0"],
        "10000:e1:00.0": ["far0"], "0000:03:00.0": [],
      ])
    #expect(inventory.devices.filter(\.isElsewhere).map { "\($0.pci)" } == ["0000:03:00.0"])
  }

  @Test func brokenEntriesAreProblemsAndVanishingOnesAreNone() throws {
    let fake = try FakeSysfs()
    try fake.device("0000:01:00.0")
    try fake.device("weird")
    try fake.device("0000:02:00.0", class: "network")
    try fake.device("0000:03:00.0")
    fake.remove("bus/pci/devices/0000:03:00.0/vendor")
    try fake.link("bus/pci/devices/0000:05:00.0", to: "../../../devices/gone")
    let inventory = fake.tree.pciDevices(mounts: Self.mounts)
    #expect(inventory.devices.map { "\($0.pci)" } == ["0000:01:00.0"])
    #expect(inventory.problems.count == 2)
    #expect(inventory.problems.contains { $0.hasSuffix("devices/weird: this is no PCI address") })
    #expect(
      inventory.problems.contains { $0.hasSuffix("0000:02:00.0/class holds “network”, which is no hexadecimal number") }
    )
  }

  @Test func anEmptyTree() throws {
    #expect(try FakeSysfs().tree.pciDevices(mounts: Self.mounts) == DeviceInventory())
  }
}
