import Testing

@testable import Sysfs

@Suite struct SysfsTreeDriversTests {
  private static let device = "bus/pci/devices/0000:01:00.0"

  private func fake(autoprobe: String?) throws -> FakeSysfs {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3, vfs: 2)
    if let autoprobe { try fake.file("\(Self.device)/sriov_drivers_autoprobe", autoprobe) }
    try fake.vf(0, of: "0000:01:00.0", at: "0000:01:10.0", driver: "igbvf")
    try fake.vf(1, of: "0000:01:00.0", at: "0000:01:10.1")
    return fake
  }

  @Test func theLastVFsDriverIsWaitedFor() throws {
    let fake = try fake(autoprobe: "1\n")
    var waits = 0
    fake.tree.waitForDrivers(pf: "enp1s0", patience: .seconds(60)) { rest in
      #expect(rest > .zero && rest <= .seconds(60))
      waits += 1
      if waits == 2 { try? fake.link("bus/pci/devices/0000:01:10.1/driver", to: "../../drivers/igbvf") }
    }
    #expect(waits == 2)
  }

  @Test func patienceEnds() throws {
    let fake = try fake(autoprobe: "1\n")
    let start = ContinuousClock.now
    fake.tree.waitForDrivers(pf: "enp1s0", patience: .milliseconds(30)) { _ in }
    #expect(ContinuousClock.now - start >= .milliseconds(30))
  }

  @Test(arguments: ["0\n", nil]) func whereNoDriverIsBoundNobodyWaits(autoprobe: String?) throws {
    let fake = try fake(autoprobe: autoprobe)
    fake.tree.waitForDrivers(pf: "enp1s0", patience: .seconds(60)) { _ in Issue.record("waited") }
    fake.tree.waitForDrivers(pf: "gone", patience: .seconds(60)) { _ in Issue.record("waited") }
  }
}
