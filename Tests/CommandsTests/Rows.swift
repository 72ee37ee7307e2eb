import ControlAPI
import PoolModel

/// Rows for tests.
enum Rows {
  static let mac = MACAddress(value: 0x5254_00aa_0001)
  static let pci = PCIAddress(domain: 0, bus: 1, slot: 0x10, function: 0)
  static let guest = GuestID(name: "a1", uuid: "5d4c9a0e-3c4e-4f0a-9a55-1f2e3d4c5b6a")

  static let pf = PFRow(
    PF(
      name: "enp1s0", ifindex: 2, pci: PCIAddress(domain: 0, bus: 1, slot: 0, function: 0), mac: mac, driver: "igb",
      numaNode: 0, carrier: true, mtu: 1500, numVFs: 7, totalVFs: 7), leased: 2, free: 4)
  static let downPF = PFRow(
    PF(name: "enp2s0", ifindex: 3, driver: "igb", carrier: nil, numVFs: 0, totalVFs: 7), leased: 0, free: 0)

  static let vf = VFRow(
    VF(
      id: VFIndex(pf: "enp1s0", index: 0), pci: pci, driver: "vfio-pci", iommuGroup: 14,
      state: VFState(
        mac: mac, vlan: VLANTag(id: 42, qos: 3), spoofchk: true, trust: false, linkState: .auto, minTxRate: 0,
        maxTxRate: 1000)), pool: "tenant-a", state: .leased, guest: "a1", leaseMac: mac)
  static let untaggedVF = VFRow(
    VF(id: VFIndex(pf: "enp1s0", index: 1), pci: PCIAddress(domain: 0, bus: 1, slot: 0x10, function: 2)),
    pool: nil, state: .quarantined, why: "trust stayed on")

  static let pool = PoolRow(
    name: "tenant-a", uuid: "0a", active: true, autostart: true, policy: .spread, total: 7, free: 4, leased: 2,
    reserved: 0, quarantined: 1, mode: .enforce)

  static let lease = Lease(
    id: 3, pool: "tenant-a", guest: guest, nic: 0, mac: mac, vf: pci, vfIndex: VFIndex(pf: "enp1s0", index: 0),
    state: .active, since: Timestamp(milliseconds: 1_000_000_000 - 7_260_000), bootID: "b")

  static let card = DeviceRow(
    PCIDevice(
      pci: PCIAddress(bus: 1, slot: 0, function: 0),
      ids: PCIIDs(
        deviceClass: 0x0200, vendor: 0x8086, device: 0x10c9, subsystemVendor: 0x8086, subsystemDevice: 0xa03c,
        revision: 1), driver: "igb", numaNode: 0, iommuGroup: 14, numVFs: 7, totalVFs: 7, resetMethods: ["flr", "bus"],
      netdevs: [DeviceNetdev(name: "enp1s0")]),
    className: "Ethernet controller", vendorName: "Intel Corporation", deviceName: "82576 Gigabit Network Connection",
    inUse: "has 7 VFs, which would go")
  static let deviceVF = DeviceRow(
    PCIDevice(
      pci: pci, ids: PCIIDs(deviceClass: 0x0200, vendor: 0x8086, device: 0x10ca), driver: "vfio-pci",
      driverOverride: "vfio-pci", iommuGroup: 15, pf: PCIAddress(bus: 1, slot: 0, function: 0)),
    vf: VFIndex(pf: "enp1s0", index: 0), guest: "a1", inUse: "is in running guest a1")
  static let bridge = DeviceRow(
    PCIDevice(
      pci: PCIAddress(bus: 0, slot: 3, function: 0), ids: PCIIDs(deviceClass: 0x0604, vendor: 0x1b36, device: 0x0c),
      driver: "pcieport", iommuGroup: 14), vendorName: "Red Hat, Inc.", inUse: "is a bridge or a port")
  static let memory = DeviceRow(
    PCIDevice(
      pci: PCIAddress(bus: 0, slot: 4, function: 0), ids: PCIIDs(deviceClass: 0x0500, vendor: 0x8086, device: 0x0d)))

  static let status = StatusReport(
    version: "0.1.0", libvirtConnected: true, pfs: [pf, downPF], pools: [pool], leases: [LeaseRow(lease)],
    problems: ["VF enp1s0/1 is quarantined: trust stayed on\nsee: vfpool vf show enp1s0/1"])
}
