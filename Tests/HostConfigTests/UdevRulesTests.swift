import HostFakes
import PoolModel
import Testing

@testable import HostConfig

@Suite struct UdevRulesTests {
  private static let path = "/etc/udev/rules.d/10.rules"
  private static let set = "ATTR{device/sriov_numvfs}=\"4\""

  @Test(
    arguments: [
      ("", true), ("ACTION==\"add\", SUBSYSTEM==\"net\"", true), ("SUBSYSTEM==\"block\"", false),
      ("SUBSYSTEM==\"net|usb\"", true), ("NAME==\"enp1s0\"", true), ("NAME==\"enp2s0|enp1*\"", true),
      ("NAME==\"enp2s0\"", false), ("NAME!=\"enp1s0\"", false), ("NAME!=\"enp2s0\"", true),
      ("KERNEL==\"enp1s0\"", true),
      ("KERNEL==\"enp2s0\"", false), ("KERNEL==\"eth*\"", true), ("KERNEL!=\"eth*\"", true),
      ("KERNEL==\"0000:01:00.0\"", true), ("KERNEL==\"0000:01:00.1\"", false), ("KERNEL!=\"enp1s0\"", true),
      ("KERNELS==\"0000:01:00.[01]\"", true), ("KERNELS==\"0000:02:00.0\"", false), ("KERNELS==\"pci0000:00\"", true),
      ("ENV{INTERFACE}==\"enp2s0\"", false), ("ENV{ID_NET_NAME}==\"enp2s0\"", false),
      ("ENV{ID_NET_NAME_PATH}==\"enp9s0\"", true), ("ENV{ID_PATH}==\"pci-0000:02:00.0\"", false),
      ("ENV{ID_NET_DRIVER}==\"ixgbe\"", false), ("ATTR{address}==\"52:54:00:aa:00:01\"", true),
      ("ATTR{address}==\"52:54:00:aa:*\"", true), ("ATTR{address}==\"52:54:00:aa:00:02\"", false),
      ("ATTR{address}==i\"52:54:00:AA:00:0F\"", true), ("ATTRS{vendor}==\"0x8086\"", true), ("DRIVERS==\"igb\"", true),
      ("DRIVERS==\"ixgbe|i40e\"", false), ("DRIVERS==\"?*\"", true), ("DRIVERS==\"pcieport\"", true),
      ("DRIVER==\"igb\"", true), ("NAME==\"enp1s0\" ATTR{address}==\"52:54:00:aa:00:02\"", false),
      ("NAME = \"enp2s0\"", true), ("TAG+=\"x\"", true),
    ])
  func matching(conditions: String, counts: Bool) throws {
    let host = try FakeHost([Self.path: "\(conditions), \(Self.set)\n"])
    #expect(host.counts() == (counts ? ["\(Self.path):1: \(Self.set)"] : []))
  }

  @Test(
    arguments: [
      ("ATTR{sriov_numvfs}=\"4\"", 4), ("ATTR{device/sriov_numvfs}:=\"4\"", 4), ("ATTR{sriov_numvfs} = e\"4\"", 4),
      ("ATTR{sriov_numvfs}=\"$env{N}\"", nil), ("ATTR{[net/enp1s0]device/sriov_numvfs}=\"4\"", 4),
      ("ATTR{[pci/0000:01:00.0]sriov_numvfs}=\"4\"", 4),
      ("RUN+=\"/bin/sh -c 'echo 4 > /sys$devpath/device/sriov_numvfs'\"", 4),
      ("RUN+=\"/bin/sh -c \\\"echo 4 > /sys/class/net/enp1s0/device/sriov_numvfs\\\"\"", 4),
      ("PROGRAM==\"/bin/sh -c 'echo 4 > /sys/class/net/%k/device/sriov_numvfs'\"", 4),
      ("IMPORT{program}=\"/bin/sh -c 'echo $env{N} > /sys/class/net/%k/device/sriov_numvfs'\"", nil),
    ] as [(String, Int?)])
  func whatSetsACount(token: String, count: Int?) throws {
    let host = try FakeHost([Self.path: token])
    #expect(host.numbers() == [count])
  }

  @Test(arguments: [
    "ATTR{device/sriov_numvfs}==\"0\"", "ATTR{sriov_numvfs}!=\"0\"", "# ATTR{sriov_numvfs}=\"4\"",
    "ATTR{[net/enp2s0]device/sriov_numvfs}=\"4\"", "ATTR{[pci/0000:02:00.0]sriov_numvfs}=\"4\"",
    "RUN+=\"/bin/sh -c 'echo 4 > /sys/class/net/enp2s0/device/sriov_numvfs'\"",
    "PROGRAM=\"/bin/cat /sys/class/net/enp1s0/device/sriov_numvfs\"", "ATTR{sriov_numvfs", "ATTR{sriov_numvfs}=\"4",
    "ATTR{sriov_numvfs}=4", "ATTR{sriov_numvfs}+-\"4\"", "=\"sriov_numvfs\"", "ENV{X}=\"sriov_numvfs\"",
  ])
  func whatDoesNot(rule: String) throws {
    let host = try FakeHost([Self.path: rule])
    #expect(host.counts() == [])
    #expect(host.problems.isEmpty)
  }

  @Test func rulesGoOverLines() throws {
    let host = try FakeHost([
      Self.path: "\nSUBSYSTEM==\"net\", \\\n# odd\n  NAME==\"enp1s0\", \\\n  \(Self.set)\nNAME==\"x\"\n"
    ])
    #expect(host.counts() == ["\(Self.path):2: \(Self.set)"])
    try host.file(Self.path, "NAME==\"enp2s0\", \\\n  \(Self.set)\n")
    #expect(host.counts() == [])
  }

  @Test func filesOfOneName() throws {
    let host = try FakeHost([
      "/usr/lib/udev/rules.d/10.rules": "\(Self.set)\n", "/run/udev/rules.d/20.rules": "\(Self.set)\n",
    ])
    #expect(
      host.counts() == ["/usr/lib/udev/rules.d/10.rules:1: \(Self.set)", "/run/udev/rules.d/20.rules:1: \(Self.set)"])
    try host.link("/etc/udev/rules.d/10.rules", to: "/dev/null")
    try host.file("/etc/udev/rules.d/20.rules", "")
    #expect(host.counts() == [])
  }

  @Test func scriptsThatRulesRun() throws {
    let host = try FakeHost([
      Self.path: "KERNEL==\"eth*\", RUN+=\"/usr/local/bin/vfs %k\"\n",
      "/usr/local/bin/vfs": "#!/bin/sh\necho 4 > /sys/class/net/$1/device/sriov_numvfs\n",
    ])
    #expect(host.counts() == ["/usr/local/bin/vfs:2: echo 4 > /sys/class/net/$1/device/sriov_numvfs"])
    try host.file(Self.path, "NAME==\"enp2s0\", RUN+=\"/usr/local/bin/vfs %k\"\n")
    #expect(host.counts() == [])
  }

  /// mlx4's driver has two names.
  @Test func aDriverOfTwoNames() throws {
    let host = try FakeHost([Self.path: "ENV{ID_NET_DRIVER}==\"mlx4_en\", \(Self.set)\n"])
    #expect(host.numbers(PFIdentity(netdevs: ["a"], driver: "mlx4_core")) == [4])
  }
}
