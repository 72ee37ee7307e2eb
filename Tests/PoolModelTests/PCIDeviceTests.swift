import PoolModel
import Testing

struct PCIDeviceTests {
  private static func device(
    _ deviceClass: UInt16, driver: String? = nil, pf: PCIAddress? = nil, totalVFs: Int? = nil, function: UInt8 = 0,
    group: Int? = nil
  ) -> PCIDevice {
    PCIDevice(
      pci: PCIAddress(bus: 1, slot: 0, function: function),
      ids: PCIIDs(deviceClass: deviceClass, vendor: 0x8086, device: 1), driver: driver, iommuGroup: group, pf: pf,
      totalVFs: totalVFs)
  }

  @Test(arguments: [
    (device(0x0200), DeviceKind.device), (device(0x0200, totalVFs: 0), .device), (device(0x0200, totalVFs: 7), .pf),
    (device(0x0108, totalVFs: 32), .pf), (device(0x0200, pf: PCIAddress(bus: 1, slot: 0, function: 0)), .vf),
    (device(0x0604), .bridge), (device(0x0600), .bridge), (device(0x0601), .bridge), (device(0x0680), .device),
  ])
  func kinds(device: PCIDevice, kind: DeviceKind) { #expect(device.kind == kind) }

  @Test(arguments: [
    (device(0x0200, driver: "igb"), true), (device(0x0200), false), (device(0x0200, driver: "vfio-pci"), false),
    (device(0x0200, driver: "mlx5_vfio_pci"), false), (device(0x0200, driver: "pci-stub"), false),
    (device(0x0604, driver: "pcieport"), false), (device(0x0600, driver: "agpgart-intel"), false),
    (device(0x0403, driver: "snd_hda_intel"), true),
  ])
  func whoKeepsAGroupFromGuests(device: PCIDevice, blocks: Bool) { #expect(device.blocksItsGroup == blocks) }

  @Test func companionsShareTheGroup() {
    let devices = [
      Self.device(0x0604, group: 5), Self.device(0x0200, function: 1, group: 5),
      Self.device(0x0200, function: 2, group: 6), Self.device(0x0200, function: 3), Self.device(0x0200, function: 4),
    ]
    let inventory = DeviceInventory(devices: devices)
    #expect(inventory.companions(of: devices[0]) == [devices[1]])
    #expect(inventory.companions(of: devices[2]) == [])
    #expect(inventory.companions(of: devices[3]) == [])
    #expect(inventory.device(at: devices[4].pci) == devices[4])
    #expect(inventory.device(at: PCIAddress(bus: 9, slot: 0, function: 0)) == nil)
  }

  @Test func aSubclassWithoutANameHasItsClass() {
    let names = PCINames(classes: [0x0200: "Ethernet controller"], baseClasses: [0x02: "Network controller"])
    #expect(names.className(PCIIDs(deviceClass: 0x0200, vendor: 1, device: 1)) == "Ethernet controller")
    #expect(names.className(PCIIDs(deviceClass: 0x02ff, vendor: 1, device: 1)) == "Network controller")
    #expect(names.className(PCIIDs(deviceClass: 0x0300, vendor: 1, device: 1)) == nil)
  }
}
