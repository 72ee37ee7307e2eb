import Doctor
import HostFakes
import Testing

@Suite struct VFChecksTests {
  static let card = "0000:01:00.0"

  private func host(vfs: Int = 0, driver: String? = "igbvf", group: Int? = nil) throws -> FakeHost {
    let host = try FakeHost(.intel)
    try host.pf("enp1s0", at: Self.card, vfs: vfs)
    for index in 0..<vfs {
      try host.vf(index, of: Self.card, at: "0000:01:10.\(index)", driver: driver, group: group)
    }
    return host
  }

  static let ours = "/var/lib/vfpool/vf-counts"
  static let link = "/etc/systemd/network/10-vfs.link"

  @Test func nothingIsWrong() throws {
    let host = try host(vfs: 2)
    for name in CheckName.allCases where name.group == .vfs {
      #expect(host.check(name)?.verdict == .ok, "\(String(describing: host.check(name)))")
    }
  }

  @Test func vfsWithoutADriver() throws {
    let host = try host(vfs: 3, driver: nil)
    let check = try #require(host.check(.vfDrivers))
    #expect(check.verdict == .warning)
    #expect(check.evidence == ["enp1s0: 0-2 without a driver; libvirt can give them to no guest"])
    #expect(check.fix[0] == "modprobe $(modprobe -R $(cat /sys/bus/pci/devices/0000:01:10.0/modalias))")
    try host.file("/sys/bus/pci/devices/\(Self.card)/sriov_drivers_autoprobe", "0\n")
    #expect(host.check(.vfDrivers)?.verdict == .ok)
  }

  @Test func vfsInAGroupWithWhatTheHostHas() throws {
    let host = try host(vfs: 1, group: 5)
    try host.file("/sys/bus/pci/devices/0000:00:1f.0/class", "0x010601\n")
    try host.link("/sys/bus/pci/devices/0000:00:1f.0/driver", to: "../../../bus/pci/drivers/ahci")
    try host.folder("/sys/kernel/iommu_groups/5/devices/0000:00:1f.0")
    let check = try #require(host.check(.vfIsolation))
    #expect(check.verdict == .warning)
    #expect(check.evidence == ["enp1s0/0 shares IOMMU group 5 with what the host has: 0000:00:1f.0 (ahci)"])
  }

  @Test(
    arguments: [
      // Ours, others', the VFs there are; verdicts of the writers and of the count now.
      (nil, [], 2, .ok, .ok), (2, [], 2, .ok, .ok), (7, [], 2, .ok, .warning), (nil, [2], 2, .ok, .ok),
      (nil, [4], 2, .ok, .warning), (2, [2], 2, .warning, .ok), (2, [4], 2, .fault, .ok),
      (nil, [2, 4], 2, .warning, .ok), (2, [2, 4], 2, .fault, .ok),
    ] as [(Int?, [Int], Int, Verdict, Verdict)])
  func writersOfTheCount(own: Int?, others: [Int], vfs: Int, writers: Verdict, now: Verdict) throws {
    let host = try host(vfs: vfs)
    if let own { try host.file(Self.ours, "\(Self.card) 52:54:00:aa:00:01 enp1s0 \(own)\n") }
    for (place, count) in others.enumerated() {
      try host.file(
        "/etc/systemd/system/vfs\(place).service",
        "[Service]\nExecStart=/bin/sh -c 'echo \(count) > /sys/class/net/enp1s0/device/sriov_numvfs'\n")
    }
    let found = try #require(host.check(.countWriters))
    #expect(found.verdict == writers, "\(found)")
    #expect(found.evidence.count { $0.contains("/etc/systemd/system/vfs") } == others.count)
    #expect(host.check(.countNow)?.verdict == now)
  }

  @Test func countsThatOnlyRootMaySee() throws {
    let host = try host()
    try host.folder(Self.ours)
    let check = try #require(host.check(.countWriters, isRoot: false))
    #expect(check.verdict == .unknown)
    #expect(check.evidence[0].contains(Self.ours))
    #expect(check.fix == ["run vfpool doctor as root"])
  }

  @Test func writersOfSettings() throws {
    let host = try host(vfs: 1)
    try host.file(Self.link, "[Match]\nDriver=igb\n[SR-IOV]\nVirtualFunction=0\nTrust=yes\n")
    let check = try #require(host.check(.settingsWriters))
    #expect(check.verdict == .warning)
    #expect(check.evidence.count == 1 && check.evidence[0].hasPrefix("enp1s0: \(Self.link):"))
  }

  @Test func filesThatCannotBeRead() throws {
    let host = try host()
    try host.file("/etc/rc.local", String(repeating: "# long\n", count: 200_000))
    let check = try #require(host.check(.configurationFiles))
    #expect(check.verdict == .unknown)
    #expect(check.evidence == ["/etc/rc.local is longer than 1 MiB and wasn't read"])
  }
}
