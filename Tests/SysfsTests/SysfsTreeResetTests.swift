import PoolModel
import Testing

@testable import Sysfs

@Suite struct SysfsTreeResetTests {
  private static let vf = PCIAddress(bus: 1, slot: 0x10, function: 0)
  private static let device = "bus/pci/devices/0000:01:10.0"

  private func fake(driver: String?) throws -> FakeSysfs {
    let fake = try FakeSysfs()
    try fake.vf(0, of: "0000:01:00.0", at: "0000:01:10.0", driver: driver)
    if let driver { try fake.file("bus/pci/drivers/\(driver)/unbind", "") }
    try fake.file("bus/pci/drivers_probe", "")
    return fake
  }

  @Test func theDriverIsTakenOffAndBoundAgain() throws {
    let fake = try fake(driver: "igbvf")
    try fake.file("\(Self.device)/reset", "")
    #expect(try fake.tree.resetFunction(Self.vf))
    #expect(try fake.content("bus/pci/drivers/igbvf/unbind") == "0000:01:10.0")
    #expect(try fake.content("\(Self.device)/reset") == "1")
    #expect(try fake.content("bus/pci/drivers_probe") == "0000:01:10.0")
  }

  @Test func withoutADriverNoneIsBound() throws {
    let fake = try fake(driver: nil)
    try fake.file("\(Self.device)/reset", "")
    #expect(try fake.tree.resetFunction(Self.vf))
    #expect(try fake.content("bus/pci/drivers_probe") == "")
  }

  @Test func aFailedResetLeavesTheDriverBound() throws {
    let fake = try fake(driver: "igbvf")
    try fake.folder("\(Self.device)/reset")
    let error = #expect(throws: SysfsError.self) { try fake.tree.resetFunction(Self.vf) }
    #expect(error?.description == "cannot reset 0000:01:10.0: is a directory")
    #expect(try fake.content("bus/pci/drivers_probe") == "0000:01:10.0")
  }

  @Test func aCardWithoutAReset() throws {
    let fake = try fake(driver: "igbvf")
    #expect(try !fake.tree.resetFunction(Self.vf))
    #expect(try fake.content("bus/pci/drivers/igbvf/unbind") == "")
    let gone = PCIAddress(bus: 9, slot: 0, function: 0)
    #expect(throws: SysfsError.self) { try fake.tree.resetFunction(gone) }
  }
}
