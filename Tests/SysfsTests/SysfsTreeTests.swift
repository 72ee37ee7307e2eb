import PoolModel
import Testing

@testable import Sysfs

@Suite struct SysfsTreeTests {
  @Test func theDriverOfADevice() throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3)
    try fake.vf(0, of: "0000:01:00.0", at: "0000:01:10.0", driver: "vfio-pci")
    try fake.vf(1, of: "0000:01:00.0", at: "0000:01:10.2")
    #expect(try fake.tree.driver(of: #require(PCIAddress("0000:01:10.0"))) == "vfio-pci")
    #expect(try fake.tree.driver(of: #require(PCIAddress("0000:01:10.2"))) == nil)
    let error = #expect(throws: SysfsError.self) { try fake.tree.driver(of: #require(PCIAddress("0000:09:00.0"))) }
    #expect(error?.code == .noSuchDevice)
    #expect(error?.description == "cannot read the driver of 0000:09:00.0: there is no such PCI device")
  }

  @Test func theBootID() throws {
    let fake = try FakeSysfs()
    try fake.file("sys/kernel/random/boot_id", "7d70e9b3-6186-4fb4-a2f9-e413afae70eb\n")
    #expect(try BootID.read(procRoot: fake.root) == "7d70e9b3-6186-4fb4-a2f9-e413afae70eb")
    #expect(throws: SysfsError.self) { try BootID.read(procRoot: fake.root + "/nowhere") }
  }

  @Test func aDriverIsWaitedForOnlySoLong() throws {
    let fake = try FakeSysfs()
    try fake.device("0000:01:10.0")
    let pci = PCIAddress(bus: 1, slot: 0x10, function: 0)
    #expect(try fake.tree.waitForDriver(of: pci, patience: .milliseconds(60)) == nil)
    try fake.device("0000:01:10.0", driver: "igbvf")
    #expect(try fake.tree.waitForDriver(of: pci, patience: .zero) == "igbvf")
    let gone = PCIAddress(bus: 9, slot: 0, function: 0)
    let error = #expect(throws: SysfsError.self) { try fake.tree.waitForDriver(of: gone, patience: .seconds(9)) }
    #expect(error?.code == .noSuchDevice)
  }

  @Test(
    arguments: [("1000\n", 1000), ("-1\n", nil), ("4294967295\n", nil), ("", nil), (nil, nil)] as [(String?, Int?)])
  func theSpeedOfALink(content: String?, speed: Int?) throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3)
    if let content { try fake.file("class/net/enp1s0/speed", content) }
    #expect(fake.tree.speed(ofNetdev: "enp1s0") == speed)
  }

  @Test(arguments: [("1\n", true), ("0\n", false), (nil, nil)] as [(String?, Bool?)])
  func whetherNewVFsGetTheirDriver(content: String?, probes: Bool?) throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3)
    try fake.link("class/net/enp1s0", to: "../../bus/pci/devices/0000:01:00.0/net/enp1s0")
    if let content { try fake.file("bus/pci/devices/0000:01:00.0/sriov_drivers_autoprobe", content) }
    #expect(fake.tree.probesNewVFs(ofNetdev: "enp1s0") == probes)
  }
}
