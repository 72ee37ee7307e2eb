import PoolModel
import Testing

@testable import Sysfs

@Suite struct SysfsTreeScanTests {
  @Test func aPFWithVFsOfEveryKind() throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3, vfs: 5, numa: 1)
    try fake.vf(0, of: "0000:01:00.0", at: "0000:01:10.0", driver: "igbvf", group: 9)
    try fake.netdev("enp1s0v0", of: "bus/pci/devices/0000:01:10.0", ifindex: 5)
    try fake.vf(1, of: "0000:01:00.0", at: "0000:01:10.2", driver: "vfio-pci", group: 10)
    try fake.vf(2, of: "0000:01:00.0", at: "0000:01:10.4")
    try fake.vf(3, of: "0000:01:00.0", at: "0000:01:10.6", driver: "igbvf", group: 12)
    try fake.folder("bus/pci/devices/0000:01:10.6/net")
    try fake.vf(10, of: "0000:01:00.0", at: "0000:01:12.4", driver: "igbvf", group: 13)
    try fake.netdev("eth9", of: "bus/pci/devices/0000:01:12.4", ifindex: 9)
    try fake.link("bus/pci/devices/0000:01:12.4/net/eth9/master", to: "../../../../../virtual/net/br0")

    let scan = fake.tree.scan()
    #expect(scan.problems.isEmpty)
    let pf = try #require(scan.pfs.first)
    #expect(scan.pfs.count == 1)
    #expect(pf.name == "enp1s0")
    #expect(pf.ifindex == 3)
    #expect(pf.pci == PCIAddress("0000:01:00.0"))
    #expect(pf.mac == MACAddress("52:54:00:aa:00:01"))
    #expect(pf.driver == "igb")
    #expect(pf.numaNode == 1)
    #expect(pf.mtu == 1500)
    #expect((pf.numVFs, pf.totalVFs) == (5, 7))
    #expect(pf.unsupported == nil)
    #expect(
      pf.vfs == [
        SysfsVF(
          index: 0, pci: PCIAddress("0000:01:10.0"), driver: "igbvf", numaNode: 0, iommuGroup: 9, netdev: "enp1s0v0",
          mtu: 1500),
        SysfsVF(index: 1, pci: PCIAddress("0000:01:10.2"), driver: "vfio-pci", numaNode: 0, iommuGroup: 10),
        SysfsVF(index: 2, pci: PCIAddress("0000:01:10.4"), numaNode: 0),
        SysfsVF(
          index: 3, pci: PCIAddress("0000:01:10.6"), driver: "igbvf", numaNode: 0, iommuGroup: 12, isElsewhere: true),
        SysfsVF(
          index: 10, pci: PCIAddress("0000:01:12.4"), driver: "igbvf", numaNode: 0, iommuGroup: 13, netdev: "eth9",
          mtu: 1500, master: "br0"),
      ])
  }

  @Test func whichDevicesArePFs() throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:02:00.0", "enp2s0", ifindex: 4)
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3)
    // Switched off in the firmware; without a netdev (an NVMe disk); without SR-IOV at all.
    try fake.pf("0000:03:00.0", "enp3s0", ifindex: 5, total: 0)
    try fake.file("bus/pci/devices/0000:04:00.0/sriov_totalvfs", "16\n")
    try fake.netdev("enp5s0", of: "bus/pci/devices/0000:05:00.0", ifindex: 6)
    let scan = fake.tree.scan()
    #expect(scan.pfs.map(\.name) == ["enp1s0", "enp2s0"])
    #expect(scan.pfs.first?.numaNode == nil)
    #expect(scan.problems.isEmpty)
  }

  @Test func aCardWithoutANetdevGoesByItsAddress() throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3, vfs: 1)
    try fake.file("bus/pci/devices/0000:01:00.0/class", "0x020000\n")
    try fake.vf(0, of: "0000:01:00.0", at: "0000:01:10.0", driver: "igbvf")
    fake.remove("bus/pci/devices/0000:01:00.0/net")
    let pf = try #require(fake.tree.scan().pfs.first)
    #expect((pf.name, pf.ifindex, pf.netdevs) == ("0000:01:00.0", 0, []))
    #expect(pf.vfs.map(\.pci) == [PCIAddress("0000:01:10.0")])
    #expect(pf.unsupported == "it has no network interface here (its driver is igb)")
    fake.remove("bus/pci/devices/0000:01:00.0/driver")
    #expect(fake.tree.scan().pfs.first?.unsupported == "it has no network interface here: it has no driver")
    // An NVMe disk is no network card.
    try fake.file("bus/pci/devices/0000:01:00.0/class", "0x010802\n")
    #expect(fake.tree.scan().pfs.isEmpty)
  }

  @Test func whatACardAndItsVFsAre() throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3)
    #expect(fake.tree.scan().pfs.first?.id == nil)
    try fake.file("bus/pci/devices/0000:01:00.0/vendor", "0x8086\n")
    try fake.file("bus/pci/devices/0000:01:00.0/device", "0x10c9\n")
    try fake.file("bus/pci/devices/0000:01:00.0/sriov_vf_device", "10ca\n")
    let scan = fake.tree.scan()
    #expect(scan.pfs.first?.id == PCIID(vendor: 0x8086, device: 0x10c9))
    #expect(scan.pfs.first?.vfID == PCIID(vendor: 0x8086, device: 0x10ca))
    #expect(scan.problems.isEmpty)
  }

  @Test func whoSharesAnIOMMUGroup() throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3, vfs: 2)
    try fake.link("bus/pci/devices/0000:01:00.0/iommu_group", to: "../../../../kernel/iommu_groups/9")
    try fake.vf(0, of: "0000:01:00.0", at: "0000:01:10.0", group: 9)
    try fake.vf(1, of: "0000:01:00.0", at: "0000:01:10.2", group: 10)
    for (group, member) in [(9, "0000:01:10.0"), (9, "0000:01:00.0"), (10, "0000:01:10.2")] {
      try fake.link("kernel/iommu_groups/\(group)/devices/\(member)", to: "../../../../bus/pci/devices/\(member)")
    }
    let pf = try #require(fake.tree.scan().pfs.first)
    #expect(pf.iommuGroup == IOMMUGroup(9, others: [try #require(PCIAddress("0000:01:10.0"))]))
    // The PF keeps its driver, and so the VF in its group from guests.
    let card = try #require(PCIAddress("0000:01:00.0"))
    #expect(
      pf.vfs.map(\.iommuGroup) == [IOMMUGroup(9, others: [card], blockers: [.init(pci: card, driver: "igb")]), 10])
  }

  @Test func bridgesAndVFIODoNotKeepAGroupFromGuests() throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3, vfs: 1)
    try fake.vf(0, of: "0000:01:00.0", at: "0000:01:10.0", group: 9)
    try fake.device("0000:00:02.0", class: "0x060400", driver: "pcieport", group: 9)
    try fake.device("0000:01:10.2", driver: "vfio-pci", group: 9)
    try fake.device("0000:01:10.4", group: 9)
    try fake.device("0000:01:10.6", driver: "igbvf", group: 9)
    for member in ["0000:00:02.0", "0000:01:10.0", "0000:01:10.2", "0000:01:10.4", "0000:01:10.6"] {
      try fake.link("kernel/iommu_groups/9/devices/\(member)", to: "../../../../bus/pci/devices/\(member)")
    }
    let group = try #require(fake.tree.scan().pfs.first?.vfs.first?.iommuGroup)
    #expect(group.others.count == 4)
    #expect(group.blockers == [.init(pci: try #require(PCIAddress("0000:01:10.6")), driver: "igbvf")])
  }

  @Test func cpusOfNUMANodes() throws {
    let fake = try FakeSysfs()
    #expect(fake.tree.scan().numaNodes == [:])
    try fake.file("devices/system/node/node0/cpulist", "0-1,4\n")
    // Memory only, and a file that is no node.
    try fake.file("devices/system/node/node12/cpulist", "\n")
    try fake.file("devices/system/node/online", "0,12\n")
    let scan = fake.tree.scan()
    #expect(scan.numaNodes == [0: [0, 1, 4], 12: []])
    #expect(scan.problems.isEmpty)
  }

  @Test func domainsAboveFourDigits() throws {
    let fake = try FakeSysfs()
    try fake.pf("10000:01:00.0", "enP65536p1s0", ifindex: 3, vfs: 1)
    try fake.vf(0, of: "10000:01:00.0", at: "10000:01:10.0")
    let scan = fake.tree.scan()
    #expect(scan.problems.isEmpty)
    #expect(scan.pfs.first?.pci?.domain == 0x10000)
    #expect(scan.pfs.first?.vfs.first?.pci?.description == "10000:01:10.0")
  }

  /// In switchdev mode the PF's folder has the netdevs that stand for its VFs, too.
  @Test func representorsAreNoPorts() throws {
    let fake = try FakeSysfs()
    let device = "bus/pci/devices/0000:01:00.0"
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 9)
    try fake.netdev("eth0", of: device, ifindex: 3)
    try fake.file("\(device)/net/eth0/phys_port_name", "pf0vf0\n")
    try fake.file("\(device)/net/enp1s0/phys_port_name", "p0\n")
    #expect(fake.tree.scan().pfs.map(\.netdevs) == [["enp1s0"]])
  }

  @Test func ofTwoPortsTheFirstNamesThePF() throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "zeth0", ifindex: 3)
    try fake.netdev("aeth1", of: "bus/pci/devices/0000:01:00.0", ifindex: 4, port: 1)
    #expect(fake.tree.scan().pfs.map(\.netdevs) == [["zeth0", "aeth1"]])
    #expect(fake.tree.scan().pfs.map(\.name) == ["zeth0"])
  }

  @Test func netdevsim() throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3)
    try fake.file("bus/netdevsim/devices/netdevsim1/sriov_numvfs", "2\n")
    try fake.netdev("eni1np1", of: "bus/netdevsim/devices/netdevsim1", ifindex: 12)
    try fake.link("bus/netdevsim/devices/netdevsim1/driver", to: "../../bus/netdevsim/drivers/netdevsim")
    try fake.file("kernel/debug/netdevsim/netdevsim1/max_vfs", "1000\n")
    let scan = fake.tree.scan()
    #expect(scan.problems.isEmpty)
    #expect(scan.pfs.map(\.name) == ["enp1s0", "eni1np1"])
    let simulated = try #require(scan.pfs.last)
    #expect(simulated.pci == nil)
    #expect(simulated.driver == "netdevsim")
    #expect((simulated.numVFs, simulated.totalVFs) == (2, 1000))
    #expect(simulated.vfs == [SysfsVF(index: 0), SysfsVF(index: 1)])
    fake.remove("kernel")
    #expect(fake.tree.scan().pfs.last?.totalVFs == 2)
  }

  @Test(arguments: [("1", nil), ("32", "it is an InfiniBand PF"), ("772", "it is no Ethernet PF (ARPHRD type 772)")])
  func unsupportedLinkTypes(type: String, why: String?) throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3)
    try fake.file("bus/pci/devices/0000:01:00.0/net/enp1s0/type", type + "\n")
    #expect(fake.tree.scan().pfs.first?.unsupported == why)
  }

  /// A broken entry is told, and the rest is whole.
  @Test func brokenEntriesAreProblems() throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3, vfs: 2)
    try fake.vf(0, of: "0000:01:00.0", at: "0000:01:10.0")
    try fake.link("bus/pci/devices/0000:01:00.0/virtfn1", to: "../nonsense")
    try fake.pf("0000:02:00.0", "enp2s0", ifindex: 4)
    try fake.file("bus/pci/devices/0000:02:00.0/sriov_numvfs", "many\n")
    try fake.pf("weird", "enp3s0", ifindex: 5)
    try fake.pf("0000:04:00.0", "enp4s0", ifindex: 6)
    let scan = fake.tree.scan()
    #expect(scan.pfs.map(\.name) == ["enp1s0", "enp4s0"])
    #expect(scan.pfs.first?.vfs.map(\.index) == [0])
    #expect(scan.problems.count == 3)
    #expect(scan.problems.contains { $0.hasSuffix("virtfn1 points to “nonsense”, which is no PCI address") })
    #expect(scan.problems.contains { $0.hasSuffix("0000:02:00.0/sriov_numvfs holds “many”, which is no number") })
    #expect(scan.problems.contains { $0.hasSuffix("devices/weird: this is no PCI address") })
  }

  /// What is only half there is going away, and no problem.
  @Test func vanishingEntriesAreNone() throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3, vfs: 1)
    try fake.link("bus/pci/devices/0000:01:00.0/virtfn0", to: "../0000:01:10.0")
    try fake.pf("0000:02:00.0", "enp2s0", ifindex: 4)
    fake.remove("bus/pci/devices/0000:02:00.0/sriov_numvfs")
    try fake.pf("0000:03:00.0", "enp3s0", ifindex: 5)
    fake.remove("bus/pci/devices/0000:03:00.0/net/enp3s0/ifindex")
    try fake.link("bus/pci/devices/0000:05:00.0", to: "../../../devices/gone")
    let scan = fake.tree.scan()
    #expect(scan.pfs.map(\.name) == ["enp1s0"])
    #expect(scan.pfs.first?.vfs.isEmpty == true)
    #expect(scan.problems.isEmpty)
  }

  @Test func anEmptyTree() throws { #expect(try FakeSysfs().tree.scan() == SysfsScan()) }
}
