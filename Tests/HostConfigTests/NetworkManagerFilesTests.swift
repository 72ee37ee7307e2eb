import HostFakes
import Testing

@testable import HostConfig

@Suite struct NetworkManagerFilesTests {
  private static let folder = "/etc/NetworkManager/system-connections"

  private static func profile(_ match: String, _ count: Int = 4) -> String { "[sriov]\ntotal-vfs=\(count)\n\(match)\n" }

  @Test(
    arguments: [
      ("", true), ("[connection]\ninterface-name=enp1s0", true), ("[connection]\ninterface-name=enp2s0", false),
      // NetworkManager doesn't go by alternative names.
      ("[connection]\ninterface-name=ens3", false), ("[connection]\ntype=ethernet", true),
      ("[connection]\ntype=802-3-ethernet", true), ("[connection]\ntype=bond", false),
      ("[ethernet]\nmac-address=52:54:00:AA:00:0F", true), ("[802-3-ethernet]\nmac-address=52:54:00:aa:00:02", false),
      ("[ethernet]\nmac-address-blacklist=52:54:00:aa:00:01;", false),
      ("[ethernet]\nmac-address-denylist=52:54:00:aa:00:07;", true), ("[match]\ninterface-name=enp2*;enp1*;", true),
      ("[match]\ninterface-name=enp2*;", false), ("[match]\ninterface-name=!enp1s0;", false),
      ("[match]\ninterface-name=enp*;&!enp1s0;", false), ("[match]\ninterface-name=|!enp1s0;\\enp1s0;", true),
      ("[match]\ninterface-name=!enp2s0;", true), ("[match]\ndriver=igb;", true), ("[match]\ndriver=ixgbe;", false),
      ("[match]\npath=pci-0000:01:00.*;", true), ("[match]\npath=pci-0000:02:*;", false),
      ("[match]\nkernel-command-line=x;", true),
      ("[connection]\ninterface-name=enp1s0\n[ethernet]\nmac-address=52:54:00:aa:00:02", false),
    ])
  func matching(match: String, counts: Bool) throws {
    let host = try FakeHost(["\(Self.folder)/a.nmconnection": Self.profile(match)])
    #expect(host.numbers() == (counts ? [4] : []))
  }

  @Test(
    arguments: [
      ("[sriov]\ntotal-vfs=4\ntotal-vfs=5", "a:3: total-vfs=5", 5), ("[sriov]\ntotal-vfs=x", "a:2: total-vfs=x", nil),
      ("# a\n[sriov]\nautoprobe-drivers=0", "a:2: [sriov] without total-vfs", 0), ("[ipv4]\ntotal-vfs=4", nil, nil),
      ("total-vfs=4", nil, nil), ("[sriov\ntotal-vfs=4", nil, nil),
    ] as [(String, String?, Int?)])
  func counts(profile: String, text: String?, count: Int?) throws {
    let host = try FakeHost(["\(Self.folder)/a": profile])
    #expect(host.counts() == (text.map { ["\(Self.folder)/\($0)"] } ?? []))
    #expect(host.numbers() == (text == nil ? [] : [count]))
  }

  @Test func whichFilesAreProfiles() throws {
    let host = try FakeHost([
      "\(Self.folder)/old-style": Self.profile("", 1), "\(Self.folder)/.hidden.nmconnection": Self.profile("", 2),
      "\(Self.folder)/old-style~": Self.profile("", 3), "/run/NetworkManager/system-connections/c": Self.profile("", 4),
      "/run/NetworkManager/system-connections/d.nmconnection": Self.profile("", 5),
    ])
    #expect(host.numbers() == [5, 1])
  }

  @Test func ofOneUUIDTheFirstCounts() throws {
    let host = try FakeHost([
      "/usr/lib/NetworkManager/system-connections/a.nmconnection": Self.profile("[connection]\nuuid=1", 1),
      "/usr/lib/NetworkManager/system-connections/b.nmconnection": Self.profile("[connection]\nuuid=2", 2),
      "\(Self.folder)/z.nmconnection": Self.profile("[connection]\nuuid=1", 3),
    ])
    #expect(host.numbers() == [2, 3])
    try host.link("\(Self.folder)/2.nmmeta", to: "/dev/null")
    #expect(host.numbers() == [3])
  }

  @Test func whatVFsAreSetTo() throws {
    let host = try FakeHost([
      "\(Self.folder)/a.nmconnection":
        "[sriov]\nautoprobe-drivers=0\ntotal-vfs=2\nvf.1=trust=true\npreserve-on-down=1\n",
      "/etc/sysconfig/network-scripts/ifcfg-enp1s0": "DEVICE=enp1s0\nSRIOV_TOTAL_VFS=2\nSRIOV_VF0=\"trust=false\"\n",
    ])
    let writers = host.config.vfSettingsWriters(of: FakeHost.pf).writers
    #expect(
      writers.map(\.text) == ["autoprobe-drivers=0", "vf.1=trust=true", "SRIOV_VF0=\"trust=false\""])
    #expect(writers.map(\.vf) == [nil, 1, 0])
  }

  @Test(
    arguments: [
      ("ifcfg-a", "DEVICE=\"enp1s0\"", true), ("ifcfg-a", "DEVICE=enp2s0", false),
      ("ifcfg-a", "HWADDR='52:54:00:aa:00:01'", true), ("ifcfg-a", "HWADDR=52:54:00:aa:00:02", false),
      ("ifcfg-a", "TYPE=Ethernet", true), ("ifcfg-a", "TYPE=Bond", false), ("ifcfg-a.bak", "", false),
      ("other", "", false),
    ])
  func ifcfg(name: String, match: String, counts: Bool) throws {
    let path = "/etc/sysconfig/network-scripts/\(name)"
    let host = try FakeHost([path: "\(match)\nSRIOV_TOTAL_VFS=\"4\"\n"])
    #expect(host.counts() == (counts ? ["\(path):2: SRIOV_TOTAL_VFS=\"4\""] : []))
    #expect(host.numbers() == (counts ? [4] : []))
  }
}
