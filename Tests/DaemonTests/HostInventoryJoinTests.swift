import Netlink
import PoolModel
import Sysfs
import Testing

@testable import Daemon

@Suite struct HostInventoryJoinTests {
  private static let pf = PCIAddress(bus: 1, slot: 0, function: 0)
  private static let id = PCIID(vendor: 0x8086, device: 0x10c9)
  private static let vfID = PCIID(vendor: 0x8086, device: 0x10ca)
  private static let vf0 = PCIAddress(bus: 1, slot: 0x10, function: 0)
  private static let vf1 = PCIAddress(bus: 1, slot: 0x10, function: 2)
  private static let state = VFState(mac: MACAddress(value: 0x0200_0000_0001), spoofchk: true)

  private func pf(_ vfs: [SysfsVF] = []) -> SysfsPF {
    SysfsPF(
      name: "enp1s0", ifindex: 3, pci: Self.pf, id: Self.id, vfID: Self.vfID, mac: .zero, driver: "igb", numaNode: 1,
      mtu: 1500, numVFs: vfs.count,
      totalVFs: 7, vfs: vfs)
  }

  @Test func factsOfBothSidesMeet() throws {
    let vfs = [
      SysfsVF(index: 0, pci: Self.vf0, driver: "igbvf", numaNode: 1, iommuGroup: 9, netdev: "enp1s0v0", mtu: 1500),
      SysfsVF(index: 1, pci: Self.vf1, driver: "vfio-pci", numaNode: 1, iommuGroup: 10),
    ]
    let link = LinkInfo(
      ifindex: 3, name: "enp1s0", mac: MACAddress(value: 0x5254_00aa_0001), mtu: 9000, adminUp: true, carrier: true,
      numVF: 2, vfs: [0: Self.state, 1: Self.state])
    let inventory = HostInventory(
      scan: SysfsScan(pfs: [pf(vfs)], numaNodes: [1: [2, 3]], problems: ["x"]), links: [link], addresses: [:])
    #expect(inventory.numaNodes == [1: [2, 3]])
    #expect(inventory.place(of: Self.vf1) == 1)
    #expect(
      inventory.pfs == [
        PF(
          name: "enp1s0", ifindex: 3, pci: Self.pf, id: Self.id, vfID: Self.vfID,
          mac: MACAddress(value: 0x5254_00aa_0001), driver: "igb", numaNode: 1, carrier: true, mtu: 9000, numVFs: 2,
          totalVFs: 7)
      ])
    #expect(
      inventory.vfs == [
        VF(
          id: VFIndex(pf: "enp1s0", index: 0), pci: Self.vf0, netdev: "enp1s0v0", driver: "igbvf", numaNode: 1,
          iommuGroup: 9, mtu: 1500, state: Self.state),
        VF(
          id: VFIndex(pf: "enp1s0", index: 1), pci: Self.vf1, driver: "vfio-pci", numaNode: 1, iommuGroup: 10,
          state: Self.state),
      ])
    #expect(inventory.problems == ["x"])
  }

  @Test func whatNetlinkLacksIsTold() {
    let scan = SysfsScan(pfs: [pf([SysfsVF(index: 0, pci: Self.vf0), SysfsVF(index: 1, pci: Self.vf1)])])
    let short = LinkInfo(ifindex: 3, name: "enp1s0", numVF: 2, vfs: [0: Self.state])
    let inventory = HostInventory(scan: scan, links: [short], addresses: [:])
    #expect(inventory.vfs.map(\.state) == [Self.state, nil])
    #expect(inventory.problems == ["enp1s0: the kernel's answer holds 1 of 2 VFs"])
    let without = HostInventory(scan: scan, links: [], addresses: [:])
    #expect(without.pfs.map(\.mac) == [.zero])
    #expect(without.vfs.count == 2)
    #expect(without.problems.isEmpty)
  }

  @Test(arguments: [("bond", "bond0"), ("team", "bond0"), ("bridge", nil), (nil, nil)] as [(String?, String?)])
  func aPFInABondIsKnown(kind: String?, bond: String?) {
    let links = [
      LinkInfo(ifindex: 3, name: "enp1s0", master: 9), LinkInfo(ifindex: 9, name: "bond0", kind: kind),
    ]
    let inventory = HostInventory(scan: SysfsScan(pfs: [pf()]), links: links, addresses: [:])
    #expect(inventory.pfs.map(\.bond) == [bond])
  }

  @Test func aCardInSwitchdevModeIsNotServed() {
    var known = pf([SysfsVF(index: 0, pci: Self.vf0), SysfsVF(index: 1, pci: Self.vf1)])
    known.netdevs = ["enp1s0", "enp1s0p1"]
    let links = [
      LinkInfo(ifindex: 3, name: "enp1s0", altNames: ["wan"]), LinkInfo(ifindex: 7, name: "enp1s0r1"),
    ]
    let device = DevlinkDevice(bus: "pci", name: "\(Self.pf)")
    let inventory = HostInventory(
      scan: SysfsScan(pfs: [known]), links: links, addresses: [:],
      switches: [device: CardSwitch(mode: "switchdev", representors: [1: 7])])
    #expect(inventory.pfs.map(\.eswitchMode) == ["switchdev"])
    #expect(inventory.pfs.map(\.unsupported) == ["its card is in switchdev mode"])
    #expect(inventory.pfs.map(\.otherNetdevs) == [["enp1s0p1"]])
    #expect(inventory.vfs.map(\.representor) == [nil, "enp1s0r1"])
    #expect(inventory.pf(named: "wan")?.name == "enp1s0")
    #expect(inventory.vf(named: "wan/1")?.id == VFIndex(pf: "enp1s0", index: 1))
    #expect(inventory.vfs(named: "wan/*")?.count == 2)
    let legacy = HostInventory(
      scan: SysfsScan(pfs: [known]), links: links, addresses: [:], switches: [device: CardSwitch(mode: "legacy")])
    #expect(legacy.pfs.map(\.unsupported) == [nil])
  }

  @Test func aPFWithoutVFsIsListed() {
    let inventory = HostInventory(scan: SysfsScan(pfs: [pf()]), links: [], addresses: [:])
    #expect(inventory.pfs.map(\.numVFs) == [0])
    #expect(inventory.vfs.isEmpty)
  }

  /// A PF that was renamed after sysfs was read has its VFs under the new name.
  @Test func aRenamedPF() {
    let scan = SysfsScan(pfs: [pf([SysfsVF(index: 0, pci: Self.vf0)])])
    let inventory = HostInventory(scan: scan, links: [LinkInfo(ifindex: 3, name: "wan0")], addresses: [:])
    #expect(inventory.pfs.map(\.name) == ["wan0"])
    #expect(inventory.vfs.map(\.id) == [VFIndex(pf: "wan0", index: 0)])
  }

  @Test func mtuIsWhatNetlinkSaysNow() {
    let scan = SysfsScan(pfs: [pf([SysfsVF(index: 0, pci: Self.vf0, netdev: "eth0", mtu: 1500)])])
    let link = LinkInfo(ifindex: 9, name: "eth0", mtu: 1400)
    #expect(HostInventory(scan: scan, links: [link], addresses: [:]).vfs.map(\.mtu) == [1400])
    #expect(HostInventory(scan: scan, links: [], addresses: [:]).vfs.map(\.mtu) == [1500])
  }

  @Test(
    arguments: [
      (SysfsVF(index: 0, pci: vf0, netdev: "free0"), nil),
      (SysfsVF(index: 0, pci: vf0), nil),
      (SysfsVF(index: 0, pci: vf0, isElsewhere: true), "is in another network namespace"),
      (SysfsVF(index: 0, pci: vf0, netdev: "bridged0"), "is in bridge br0"),
      (SysfsVF(index: 0, pci: vf0, netdev: "addressed0"), "has address 192.0.2.1"),
      (SysfsVF(index: 0, pci: vf0, netdev: "carrier0"), "carries macvtap tap0"),
      (SysfsVF(index: 0, pci: vf0, netdev: "unknown0", master: "bond0"), "is in bond0"),
      // It has left its bond since sysfs was read.
      (SysfsVF(index: 0, pci: vf0, netdev: "free0", master: "bond0"), nil),
      // Its netdev is “renamed0” by now.
      (SysfsVF(index: 0, pci: vf1, netdev: "eth0"), "has address 2001:db8::1"),
    ] as [(SysfsVF, String?)])
  func hostUses(vf: SysfsVF, use: String?) {
    let links = [
      LinkInfo(ifindex: 10, name: "free0"), LinkInfo(ifindex: 11, name: "bridged0", master: 20),
      LinkInfo(ifindex: 12, name: "addressed0"), LinkInfo(ifindex: 13, name: "carrier0"),
      LinkInfo(ifindex: 14, name: "renamed0", parentDevName: "\(Self.vf1)", parentBus: "pci"),
      LinkInfo(ifindex: 20, name: "br0", kind: "bridge"),
      LinkInfo(ifindex: 21, name: "tap0", lower: 13, kind: "macvtap"),
    ]
    let inventory = HostInventory(
      scan: SysfsScan(pfs: [pf([vf])]), links: links,
      addresses: [12: ["192.0.2.1", "2001:db8::9"], 14: ["2001:db8::1"], 20: ["192.0.2.7"]])
    #expect(inventory.vfs.map(\.hostUse) == [use])
  }
}
