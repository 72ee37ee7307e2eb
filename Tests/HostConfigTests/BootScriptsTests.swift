import HostFakes
import Testing

@testable import HostConfig

@Suite struct BootScriptsTests {
  private static func write(_ pf: String) -> String { "echo 4 > /sys/class/net/\(pf)/device/sriov_numvfs" }

  @Test(arguments: [
    "/etc/rc.local", "/etc/rc.d/rc.local", "/etc/init.d/vfs", "/etc/network/if-up.d/vfs", "/etc/cron.d/vfs",
    "/etc/NetworkManager/dispatcher.d/vfs",
  ])
  func places(path: String) throws {
    let host = try FakeHost([
      path: "#!/bin/sh\n#\(Self.write("enp1s0"))\n\(Self.write("enp2s0"))\n\(Self.write("enp1s0"))\n"
    ])
    #expect(host.counts() == ["\(path):4: \(Self.write("enp1s0"))"])
    #expect(host.numbers() == [4])
  }

  @Test func scriptsThatRcLocalRuns() throws {
    let host = try FakeHost(["/etc/rc.local": "/opt/vfs.sh &\n", "/opt/vfs.sh": "\(Self.write("*"))\n"])
    #expect(host.counts() == ["/opt/vfs.sh:1: \(Self.write("*"))"])
  }

  @Test(
    arguments: [
      ("iface enp1s0 inet manual\n  up \(write("enp1s0"))", 2),
      ("iface enp1s0 inet manual\n  pre-up \(write("$IFACE"))", 2),
      ("iface enp2s0 inet manual\n  up \(write("$IFACE"))\niface enp1s0 inet6 auto\n  up \(write("${IFACE}"))", 4),
      ("iface enp2s0 inet manual\n  up \(write("$IFACE"))", nil),
      ("iface enp2s0 inet manual\n  up \(write("enp1s0"))", 2),
      ("iface enp1s0 inet manual\n  # up \(write("$IFACE"))", nil), ("iface\nup \(write("$IFACE"))", 2),
      ("iface enp1s0 inet manual\n  up \\\n  \(write("$IFACE"))", 2),
      ("iface enp2s0 inet manual\n  up /opt/vfs.sh", nil),
    ] as [(String, Int?)])
  func interfaces(text: String, line: Int?) throws {
    for path in ["/etc/network/interfaces", "/etc/network/interfaces.d/a"] {
      let host = try FakeHost([path: text, "/opt/vfs.sh": Self.write("$IFACE")])
      #expect(host.config.vfCountWriters(of: FakeHost.pf).writers.map(\.line) == (line.map { [$0] } ?? []))
    }
  }

  @Test func sysfsConf() throws {
    let file = "class/net/enp1s0/device/sriov_numvfs"
    let host = try FakeHost(["/etc/sysfs.conf": "mode \(file) = 0644\nowner \(file) = root:root\n\(file) = 4\n"])
    #expect(host.counts() == ["/etc/sysfs.conf:3: \(file) = 4"])
    #expect(host.numbers() == [4])
  }
}
