import HostFakes
import PoolModel
import Testing

@testable import HostConfig

@Suite struct LinkFilesTests {
  private static let folder = "/etc/systemd/network"

  private static func link(_ match: String, _ count: Int = 4) -> String {
    "[Match]\n\(match)\n[Link]\nSR-IOVVirtualFunctions=\(count)\n"
  }

  @Test(
    arguments: [
      ("Driver=igb", true), ("Driver=ixgbe igb*", true), ("Driver=ixgbe", false), ("Driver=!igb", false),
      ("Driver=!ixgbe e1000", true), ("Driver=!ixgbe igb", false), ("Driver=ixgbe\nDriver=igb", true),
      ("Driver=ixgbe\nDriver=\nPath=*", true), ("Path=pci-0000:01:00.0", true), ("Path=pci-0000:01:*", true),
      ("Path=pci-0000:02:00.0", false), ("Path=platform-3f8000000.pcie-*", true), ("Path=!pci-0000:01:00.0", false),
      ("MACAddress=52:54:00:AA:00:01", true), ("MACAddress=11:22:33:44:55:66 52-54-00-aa-00-01", true),
      ("MACAddress=5254.00aa.0001", true), ("MACAddress=11:22:33:44:55:66", false),
      ("PermanentMACAddress=52:54:00:aa:00:0f", true), ("PermanentMACAddress=52:54:00:aa:00:02", false),
      ("OriginalName=*", true), ("OriginalName=eth*", true), ("OriginalName=eth1", true), ("OriginalName=enp1s0", true),
      ("OriginalName=enp2s0", false), ("OriginalName=!*", false), ("Type=ether", true), ("Type=wlan", false),
      ("Type=!wlan loopback", true), ("Host=other", true), ("KernelVersion=>=6", true), ("Property=ID_X=1", true),
      ("Driver=igb\nPath=pci-0000:02:*", false), ("Driver=igb\nHost=other", true), ("Driver=ixgbe\nHost=other", false),
      ("", false), ("Driver=", false), ("# Driver=igb", false),
    ])
  func matching(match: String, counts: Bool) throws {
    let host = try FakeHost(["\(Self.folder)/10.link": Self.link(match)])
    #expect(host.numbers() == (counts ? [4] : []))
    #expect(host.problems.isEmpty)
  }

  /// A PF whose driver and MAC nobody knows may be meant by any.
  @Test func anUnknownPF() throws {
    let host = try FakeHost([
      "\(Self.folder)/1.link": Self.link("Driver=igb"),
      "\(Self.folder)/2.link": Self.link("MACAddress=52:54:00:aa:00:01"),
      "\(Self.folder)/3.link": Self.link("Path=pci-0000:01:00.0"),
    ])
    #expect(host.numbers(PFIdentity(netdevs: ["eni1np1"])) == [4, 4, 4])
  }

  @Test func theKernelsOwnName() throws {
    let host = try FakeHost(["\(Self.folder)/10.link": Self.link("OriginalName=eth1")])
    #expect(host.numbers(PFIdentity(netdevs: ["eth0"])) == [])
    #expect(host.numbers(PFIdentity(netdevs: ["eth1"])) == [4])
  }

  @Test func onlyTheFirstThatMatchesIsApplied() throws {
    let host = try FakeHost([
      "\(Self.folder)/10-other.link": Self.link("Driver=ixgbe", 1),
      "\(Self.folder)/20-maybe.link": Self.link("Host=a", 2),
      "/usr/lib/systemd/network/30-this.link": Self.link("Driver=igb", 3),
      "\(Self.folder)/40-late.link": Self.link("OriginalName=*", 4),
    ])
    #expect(host.numbers() == [2, 3])
    // Also when it sets none.
    try host.file("\(Self.folder)/05.link", "[Match]\nDriver=igb\n[Link]\nNamePolicy=path\n")
    #expect(host.numbers() == [])
  }

  @Test func filesOfOneName() throws {
    let host = try FakeHost([
      "/usr/lib/systemd/network/10.link": Self.link("Driver=igb", 1),
      "/run/systemd/network/10.link": Self.link("Driver=igb", 2),
      "/usr/local/lib/systemd/network/10.link": Self.link("Driver=igb", 3),
    ])
    #expect(host.counts() == ["/run/systemd/network/10.link:4: SR-IOVVirtualFunctions=2"])
    try host.file("\(Self.folder)/10.link", "")
    #expect(host.counts() == [])
  }

  @Test func aLinkToDevNullMasks() throws {
    let host = try FakeHost(["/usr/lib/systemd/network/10.link": Self.link("Driver=igb", 1)])
    try host.link("\(Self.folder)/10.link", to: "/dev/null")
    #expect(host.counts() == [])
    #expect(host.problems.isEmpty)
  }

  @Test func dropIns() throws {
    let host = try FakeHost([
      "/usr/lib/systemd/network/10.link": Self.link("Driver=igb", 1),
      "\(Self.folder)/10.link.d/b.conf": "[Link]\nSR-IOVVirtualFunctions=5\n",
      "/run/systemd/network/10.link.d/a.conf": "[Link]\nSR-IOVVirtualFunctions=3\n",
      "/run/systemd/network/10.link.d/b.conf": "[Link]\nSR-IOVVirtualFunctions=6\n",
    ])
    #expect(host.counts() == ["\(Self.folder)/10.link.d/b.conf:2: SR-IOVVirtualFunctions=5"])
    try host.file("\(Self.folder)/10.link.d/c.conf", "[Link]\nSR-IOVVirtualFunctions=\n")
    #expect(host.counts() == [])
    try host.file("\(Self.folder)/10.link.d/c.conf", "[Match]\nPath=pci-0000:07:*\n")
    #expect(host.counts() == [])
  }

  @Test(arguments: ["many", "-1", "4294967295", "4 5", "99999999999999999999"])
  func whatIsNoNumber(text: String) throws {
    let host = try FakeHost(["\(Self.folder)/10.link": "[Match]\nDriver=igb\n[Link]\nSR-IOVVirtualFunctions=\(text)\n"])
    #expect(host.counts() == [])
    #expect(
      host.problems == [
        "\(Self.folder)/10.link:4: SR-IOVVirtualFunctions=\(text): this is no number; systemd skips it"
      ])
  }

  @Test func sectionsOfVFsNeedThatMany() throws {
    let sections = "[SR-IOV]\nVirtualFunction=2\nTrust=yes\n[SR-IOV]\nVirtualFunction=0\nMACAddress=52:54:00:00:00:01\n"
    let host = try FakeHost(["\(Self.folder)/10.link": "[Match]\nDriver=igb\n\(sections)"])
    #expect(host.counts() == ["\(Self.folder)/10.link:4: VirtualFunction=2"])
    #expect(host.numbers() == [3])
    #expect(
      host.settings() == ["\(Self.folder)/10.link:4: VirtualFunction=2", "\(Self.folder)/10.link:7: VirtualFunction=0"])
    // Unless a number is set.
    try host.file("\(Self.folder)/10.link", "\(Self.link("Driver=igb", 7))\(sections)")
    #expect(host.numbers() == [7])
  }

  @Test(arguments: [("Name=enp1s0", true), ("Name=ens*", true), ("Name=enp2s0", false), ("Name=!enp1s0", false)])
  func networkFilesSetVFsOnly(match: String, counts: Bool) throws {
    let path = "\(Self.folder)/10.network"
    let host = try FakeHost([path: "[Match]\n\(match)\n[SR-IOV]\nVirtualFunction=1\nVLANId=5\n"])
    #expect(host.counts() == [])
    #expect(host.config.vfSettingsWriters(of: FakeHost.pf).writers.map(\.vf) == (counts ? [1] : []))
    #expect(host.settings() == (counts ? ["\(path):4: VirtualFunction=1"] : []))
  }
}
