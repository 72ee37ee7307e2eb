import HostFakes
import Testing

@testable import HostConfig

@Suite struct UnitFilesTests {
  private static let folder = "/etc/systemd/system"

  private static func unit(_ pf: String, _ count: Int = 4) -> String {
    "[Unit]\nConditionPathExists=/sys/class/net/enp1s0/device/sriov_numvfs\n[Service]\nType=oneshot\n"
      + "ExecStart=/bin/sh -c 'echo \(count) > /sys/class/net/\(pf)/device/sriov_numvfs'\n"
  }

  @Test(arguments: [
    ("enp1s0", true), ("enp2s0", false), ("*", true), ("$PF", true), ("enp1s0np0", false), ("enp2*", false),
  ])
  func matching(pf: String, counts: Bool) throws {
    let host = try FakeHost(["\(Self.folder)/a.service": Self.unit(pf)])
    #expect(host.numbers() == (counts ? [4] : []))
    let lines = host.config.vfCountWriters(of: FakeHost.pf).writers.map(\.line)
    #expect(lines == (counts ? [5] : []))
  }

  @Test func dropInsAndMasks() throws {
    let host = try FakeHost([
      "/usr/lib/systemd/system/a.service": Self.unit("enp1s0", 1),
      "\(Self.folder)/a.service.d/x.conf":
        "[Service]\nExecStartPost=sh -c 'echo 2 > /sys/class/net/enp1s0/device/sriov_numvfs'\n",
    ])
    #expect(host.numbers() == [1, 2])
    try host.file("\(Self.folder)/a.service.d/y.conf", "[Service]\nExecStart=\nExecStart=/bin/true\n")
    #expect(host.numbers() == [2])
    try host.link("\(Self.folder)/a.service", to: "/dev/null")
    #expect(host.numbers() == [])
  }

  @Test func templates() throws {
    let host = try FakeHost(["\(Self.folder)/vfs@.service": Self.unit("%i")])
    #expect(host.numbers() == [4])
    try host.link("\(Self.folder)/multi-user.target.wants/vfs@enp2s0.service", to: "../vfs@.service")
    #expect(host.numbers() == [])
    try host.link("\(Self.folder)/multi-user.target.wants/vfs@enp1s0.service", to: "../vfs@.service")
    #expect(host.numbers() == [4])
  }

  @Test func scriptsThatUnitsRun() throws {
    let host = try FakeHost([
      "\(Self.folder)/a.service": "[Service]\nExecStart=-/bin/bash /opt/vfs.sh /sys/class/net\nExecStop=/opt/big\n",
      "/opt/vfs.sh": "PF=enp1s0\n# sriov_numvfs\necho 4 > /sys/class/net/$PF/device/sriov_numvfs\n",
    ])
    try host.file("/opt/big", bytes: [UInt8](repeating: 0x61, count: 2 << 20))
    try host.file("/bin/bash", bytes: [0x7f, 0])
    #expect(host.counts() == ["/opt/vfs.sh:3: echo 4 > /sys/class/net/$PF/device/sriov_numvfs"])
    #expect(host.problems.isEmpty)
  }
}
