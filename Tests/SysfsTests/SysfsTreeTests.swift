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
}
