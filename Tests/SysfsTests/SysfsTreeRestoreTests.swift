import PoolModel
import Testing

@testable import Sysfs

@Suite struct SysfsTreeRestoreTests {
  private static let mac1 = "52:54:00:aa:00:01"
  private static let mac2 = "52:54:00:aa:00:02"

  /// A card whose driver is still to come isn't taken for one that can't have VFs.
  @Test func aLateDriverIsWaitedFor() throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3)
    try fake.file("bus/pci/devices/0000:01:00.0/class", "0x020000\n")
    fake.remove("bus/pci/devices/0000:01:00.0/net")
    let results = fake.tree.restore([try saved("0000:01:00.0", nil, 4)], patience: .milliseconds(50))
    #expect(results.map(\.outcome) == [.noSuchPF])
    try fake.netdev("enp1s0", of: "bus/pci/devices/0000:01:00.0", ifindex: 3)
    for index in 0..<4 { try fake.vf(index, of: "0000:01:00.0", at: "0000:01:1\(index).0") }
    #expect(fake.tree.restore([try saved("0000:01:00.0", nil, 4)]).map(\.outcome) == [.restored])
  }

  /// At boot udev renames it while its count is being set.
  @Test func aCardThatIsRenamedMeanwhileGetsItsVFs() throws {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "eth0", ifindex: 3)
    try fake.vf(0, of: "0000:01:00.0", at: "0000:01:10.0")
    let results = fake.tree.restore([try saved("0000:01:00.0", nil, 1)]) { _ in
      fake.remove("bus/pci/devices/0000:01:00.0/net/eth0")
      fake.remove("class/net/eth0")
      #expect(throws: Never.self) {
        try fake.netdev("enp1s0", of: "bus/pci/devices/0000:01:00.0", ifindex: 3)
      }
      return []
    }
    #expect(results.map(\.outcome) == [.restored])
    #expect(try fake.content("bus/pci/devices/0000:01:00.0/net/enp1s0/flags") == "0x1003")
  }

  /// In a bond both have the MAC of one.
  @Test func cardsThatHadOneMACAreFoundByTheirAddress() throws {
    let fake = try FakeSysfs()
    let macs = ["52:54:00:aa:00:01", "52:54:00:aa:00:02"]
    for (number, mac) in macs.enumerated() {
      try fake.pf("0000:0\(number + 1):00.0", "enp\(number + 1)s0", ifindex: number + 3, mac: mac)
      try fake.vf(0, of: "0000:0\(number + 1):00.0", at: "0000:0\(number + 1):10.0")
    }
    let counts = [try saved("0000:01:00.0", macs[0], 1), try saved("0000:02:00.0", macs[0], 1)]
    #expect(fake.tree.restore(counts).map(\.pf) == ["enp1s0", "enp2s0"])
  }

  private func saved(_ pci: String, _ mac: String?, _ count: Int) throws -> OwnVFCount {
    OwnVFCount(pci: try #require(PCIAddress(pci)), mac: mac.flatMap { MACAddress($0) }, name: "old0", count: count)
  }

  /// Two PFs without VFs, and the VFs that they would have.
  private func fake() throws -> FakeSysfs {
    let fake = try FakeSysfs()
    try fake.pf("0000:01:00.0", "enp1s0", ifindex: 3, mac: Self.mac1)
    try fake.pf("0000:02:00.0", "enp2s0", ifindex: 4, mac: Self.mac2)
    for index in 0..<2 { try fake.vf(index, of: "0000:01:00.0", at: "0000:01:1\(index).0") }
    for index in 0..<3 { try fake.vf(index, of: "0000:02:00.0", at: "0000:02:1\(index).0") }
    return fake
  }

  @Test(
    arguments: [
      ("0000:01:00.0", nil, 2, "enp1s0: created 2 VFs"),
      ("0000:01:00.0", mac1, 2, "enp1s0: created 2 VFs"),
      // The card has moved to another slot, free before or taken by another card.
      ("0000:07:00.0", mac2, 3, "enp2s0: created 3 VFs"),
      ("0000:01:00.0", mac2, 3, "enp2s0: created 3 VFs"),
      // Another card, or a MAC that was set by hand, in the same slot.
      ("0000:01:00.0", "52:54:00:aa:00:09", 2, "enp1s0: created 2 VFs"),
      ("0000:07:00.0", nil, 2, "old0: no PF at 0000:07:00.0"),
      ("0000:07:00.0", "52:54:00:aa:00:09", 2, "old0: no PF at 0000:07:00.0 and none with MAC 52:54:00:aa:00:09"),
      ("0000:01:00.0", nil, 9, "cannot set 9 VFs on enp1s0: enp1s0 has at most 7 VFs"),
    ] as [(String, String?, Int, String)])
  func onePF(pci: String, mac: String?, count: Int, text: String) throws {
    let fake = try fake()
    let results = fake.tree.restore([try saved(pci, mac, count)])
    #expect(results.map(\.description) == [text])
    #expect(results.first?.succeeded == text.contains("created"))
  }

  @Test func countsThatAreThereStay() throws {
    let fake = try fake()
    try fake.file("bus/pci/devices/0000:01:00.0/sriov_numvfs", "2\n")
    try fake.file("bus/pci/devices/0000:02:00.0/sriov_numvfs", "1\n")
    let results = fake.tree.restore([try saved("0000:01:00.0", nil, 2), try saved("0000:02:00.0", nil, 3)])
    #expect(results.map(\.outcome) == [.alreadyThere, .leftAlone(1)])
    #expect(results.map(\.succeeded) == [true, false])
    #expect(try fake.content("bus/pci/devices/0000:01:00.0/sriov_numvfs") == "2\n")
    #expect(try fake.content("bus/pci/devices/0000:02:00.0/sriov_numvfs") == "1\n")
  }

  @Test func oneFailureLeavesTheOthers() throws {
    let fake = try fake()
    let results = fake.tree.restore(
      [try saved("0000:09:00.0", nil, 1), try saved("0000:02:00.0", Self.mac2, 3)], patience: .milliseconds(10))
    #expect(results.map(\.outcome) == [.noSuchPF, .restored])
    #expect(try fake.content("bus/pci/devices/0000:02:00.0/sriov_numvfs") == "3")
  }
}
