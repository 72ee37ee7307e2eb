import HostFakes
import PoolModel
import Testing

@testable import HostConfig

@Suite struct ModuleOptionsTests {
  @Test(
    arguments: [
      ("options igb max_vfs=4", true, 4), ("options igb  debug=1 max_vfs=4,4", true, 4),
      ("options igb max_vfs=4,2", true, nil),
      ("options igb \\\n  max_vfs=4", true, 4), ("options ixgbe max_vfs=4", false, nil),
      ("options igb debug=1", false, nil),
      ("options igb", false, nil), ("#options igb max_vfs=4", false, nil), ("blacklist igb", false, nil),
      ("install igb /sbin/modprobe -i igb; echo 4 > /sys/class/net/enp1s0/device/sriov_numvfs", true, 4),
    ] as [(String, Bool, Int?)])
  func modprobe(line: String, counts: Bool, count: Int?) throws {
    let host = try FakeHost(["/etc/modprobe.d/a.conf": line])
    #expect(host.numbers() == (counts ? [count] : []))
  }

  @Test func theKernelsCommandLine() throws {
    let host = try FakeHost([
      "/proc/cmdline": "quiet iommu=pt ixgbe.max_vfs=3 igb.max_vfs=4 igb.debug=1 mlx4-core.num_vfs=8\n"
    ])
    #expect(host.counts() == ["/proc/cmdline:1: igb.max_vfs=4"])
    #expect(host.numbers(PFIdentity(netdevs: ["a"], driver: "mlx4_core")) == [8])
    #expect(host.numbers(PFIdentity(netdevs: ["a"])) == [])
  }
}

@Suite struct ModuleSettingTests {
  @Test func allThatIsSaidOfAModule() throws {
    let host = try FakeHost([
      "/etc/modprobe.d/a.conf": "options vfio-pci ids=8086:10ed disable_vga=1\nblacklist vfio_pci\nblacklist igbvf\n",
      "/etc/modprobe.d/b.conf": "install vfio_pci /bin/false\n",
      "/proc/cmdline": "quiet vfio-pci.ids=1af4:1041\n",
    ])
    let found = host.config.settings(ofModule: "vfio_pci").settings
    #expect(found.map(\.kind) == [.options, .blacklist, .install, .options])
    #expect(found.map { $0.value(of: "ids") } == ["8086:10ed", nil, nil, "1af4:1041"])
    #expect(found.map(\.line) == [1, 2, 1, 1])
    #expect(found[2].description == "/etc/modprobe.d/b.conf:1: install vfio_pci /bin/false")
    #expect(host.config.settings(ofModule: "igb").settings.isEmpty)
  }
}
