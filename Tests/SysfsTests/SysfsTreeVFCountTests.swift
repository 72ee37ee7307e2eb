import Testing

@testable import Sysfs

@Suite struct SysfsTreeVFCountTests {
  private static let count = "bus/pci/devices/0000:01:00.0/sriov_numvfs"
  private static let flags = "bus/pci/devices/0000:01:00.0/net/enp1s0/flags"

  /// In a fake tree the VFs are there before they are asked for.
  private func fake(vfs: Int, links: Int) throws -> FakeSysfs {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3, vfs: vfs)
    for index in 0..<links { try fake.vf(index, of: "0000:01:00.0", at: "0000:01:1\(index).0") }
    return fake
  }

  @Test func aPFIsSetUpAndGetsItsVFs() throws {
    let fake = try fake(vfs: 0, links: 4)
    try fake.tree.setVFCount(4, pf: "enp1s0")
    #expect(try fake.content(Self.count) == "4")
    #expect(try fake.content(Self.flags) == "0x1003")
  }

  @Test func whatIsUpStaysAsItIs() throws {
    let fake = try fake(vfs: 0, links: 1)
    try fake.file(Self.flags, "0x1043\n")
    try fake.tree.setVFCount(1, pf: "enp1s0")
    #expect(try fake.content(Self.flags) == "0x1043\n")
  }

  @Test func theSameCountIsNotWritten() throws {
    let fake = try fake(vfs: 3, links: 3)
    try fake.tree.setVFCount(3, pf: "enp1s0")
    // A write leaves no line feed behind.
    #expect(try fake.content(Self.count) == "3\n")
    #expect(try fake.content(Self.flags) == "0x1002\n")
  }

  @Test func noVFsNeedNoInterfaceThatIsUp() throws {
    let fake = try fake(vfs: 3, links: 0)
    try fake.tree.setVFCount(0, pf: "enp1s0")
    #expect(try fake.content(Self.count) == "0")
    #expect(try fake.content(Self.flags) == "0x1002\n")
  }

  /// VFs that come after the driver has returned are looked for when there is news, and counted on the way.
  @Test func latecomersAreWaitedFor() throws {
    let fake = try fake(vfs: 0, links: 0)
    var there: [Int?] = []
    try fake.tree.setVFCount(3, pf: "enp1s0") { _ in
      there.append(fake.tree.vfCount(ofNetdev: "enp1s0"))
      try? fake.link("bus/pci/devices/0000:01:00.0/virtfn\(there.count)", to: "../0000:01:10.\(there.count)")
    }
    #expect(there == [0, 1, 2])
    #expect(fake.tree.vfCount(ofNetdev: "enp9s0") == nil)
  }

  @Test func otherVFsAreTakenAwayOnlyWhenAsked() throws {
    let fake = try fake(vfs: 3, links: 0)
    let error = #expect(throws: SysfsError.self) { try fake.tree.setVFCount(5, pf: "enp1s0") }
    #expect(error?.code == .vfsExist)
    #expect(try fake.content(Self.count) == "3\n")
    // Here the reset passes (no VF is left), then the five never come.
    let late = #expect(throws: SysfsError.self) {
      try fake.tree.setVFCount(5, pf: "enp1s0", allowReset: true, patience: .milliseconds(50))
    }
    #expect(late?.code == .timedOut)
    #expect(late?.text == "after 0.05 seconds it has 0 VFs")
    #expect(try fake.content(Self.count) == "5")
  }

  @Test(
    arguments: [
      ("enp1s0", 8, .outOfRange, "cannot set 8 VFs on enp1s0: enp1s0 has at most 7 VFs"),
      ("enp1s0", -1, .outOfRange, "cannot set -1 VFs on enp1s0: a count can't be negative"),
      ("enp9s0", 1, .noSuchDevice, "cannot set 1 VFs on enp9s0: there is no such interface"),
      ("", 1, .noSuchDevice, "cannot set 1 VFs on : there is no such interface"),
      ("../net/enp1s0", 1, .noSuchDevice, "cannot set 1 VFs on ../net/enp1s0: there is no such interface"),
      ("enp5s0", 1, .noSRIOV, "cannot set 1 VFs on enp5s0: enp5s0 offers no SR-IOV"),
    ] as [(String, Int, SysfsError.Code, String)])
  func refusals(pf: String, count: Int, code: SysfsError.Code, text: String) throws {
    let fake = try fake(vfs: 0, links: 0)
    try fake.netdev("enp5s0", of: "bus/pci/devices/0000:05:00.0", ifindex: 6)
    let error = #expect(throws: SysfsError.self) { try fake.tree.setVFCount(count, pf: pf) }
    #expect(error?.code == code)
    #expect(error?.description == text)
    #expect(try fake.content(Self.count) == "0\n")
  }
}
