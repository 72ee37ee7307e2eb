import Glibc
import PoolModel
import Testing

@testable import Sysfs

@Suite struct VFCountFileTests {
  private static let counts = [
    OwnVFCount(
      pci: PCIAddress(bus: 1, slot: 0, function: 0), mac: MACAddress(value: 0x5254_00aa_0001), name: "enp1s0", count: 7),
    OwnVFCount(pci: PCIAddress(bus: 2, slot: 0, function: 1), mac: nil, name: "enp2s0f1", count: 64),
  ]

  @Test func whatIsWrittenIsRead() throws {
    let fake = try FakeSysfs()
    let file = VFCountFile(path: fake.root + "/vf-counts")
    #expect(try file.read().counts.isEmpty)
    try file.write(Self.counts)
    #expect(
      try fake.content("vf-counts") == """
        0000:01:00.0 52:54:00:aa:00:01 enp1s0 7
        0000:02:00.1 - enp2s0f1 64

        """)
    let (counts, problems) = try file.read()
    #expect(counts == Self.counts)
    #expect(problems.isEmpty)
    try file.write([])
    #expect(try file.read().counts.isEmpty)
    #expect(try FileAccess.names(in: fake.root) == ["vf-counts"])
  }

  @Test(arguments: [
    "0000:01:00.0 - enp1s0", "0000:01:00.0 - enp1s0 seven", "0000:01:00.0 - enp1s0 -1", "enp1s0 - enp1s0 7",
    "0000:01:00.0 52:54 enp1s0 7", "0000:01:00.0 - enp1s0 7 more",
  ])
  func badLinesAreToldAndTheRestIsKept(line: String) throws {
    let fake = try FakeSysfs()
    try fake.file("vf-counts", "# ours\n\n\(line)\n0000:01:00.0  -\tenp1s0 7")
    let (counts, problems) = try VFCountFile(path: fake.root + "/vf-counts").read()
    #expect(counts.map(\.count) == [7])
    #expect(problems == ["\(fake.root)/vf-counts, line 3: “\(line)” isn't “PCI MAC NAME COUNT”"])
  }

  @Test func aFailedWriteLeavesTheOldFile() throws {
    let fake = try FakeSysfs()
    let file = VFCountFile(path: fake.root + "/vf-counts")
    try file.write(Self.counts)
    // Where the new file would be made is a folder.
    try fake.folder("vf-counts.new")
    let error = #expect(throws: SysfsError.self) { try file.write([]) }
    #expect(error?.errno == EISDIR)
    #expect(try file.read().counts == Self.counts)
  }
}
