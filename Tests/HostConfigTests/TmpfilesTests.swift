import HostFakes
import Testing

@testable import HostConfig

@Suite struct TmpfilesTests {
  @Test(
    arguments: [
      ("w /sys/class/net/enp1s0/device/sriov_numvfs - - - - 4", true, 4),
      ("w! \"/sys/bus/pci/devices/0000:01:00.0/sriov_numvfs\" - - - - \"4\"", true, 4),
      ("w /sys/class/net/enp*/device/sriov_numvfs - - - - %v", true, nil),
      ("w /sys/class/net/enp1s0/device/sriov_numvfs", true, nil),
      ("w /sys/class/net/enp2s0/device/sriov_numvfs - - - - 4", false, nil),
      ("z /sys/class/net/enp1s0/device/sriov_numvfs 0664 root vfs", false, nil),
      ("#w /sys/class/net/enp1s0/device/sriov_numvfs - - - - 4", false, nil), ("w sriov_numvfs", true, nil),
      ("w", false, nil),
    ] as [(String, Bool, Int?)])
  func lines(line: String, counts: Bool, count: Int?) throws {
    let host = try FakeHost(["/usr/lib/tmpfiles.d/a.conf": line])
    #expect(host.numbers() == (counts ? [count] : []))
    try host.file("/etc/tmpfiles.d/a.conf", "")
    #expect(host.numbers() == [])
  }
}
