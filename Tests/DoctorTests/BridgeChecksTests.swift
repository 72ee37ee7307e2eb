import Doctor
import HostFakes
import Testing

@Suite struct BridgeChecksTests {
  static let card = "0000:01:00.0"
  static let pf = "/sys/class/net/enp1s0"

  private func host(vfs: Int = 2) throws -> FakeHost {
    let host = try FakeHost(.intel)
    try host.pf("enp1s0", at: Self.card, vfs: vfs)
    try host.netdev("vnet0")
    return host
  }

  @Test func nothingOnTopOfIt() throws {
    let host = try host()
    for name in CheckName.allCases where name.group == .bridges {
      #expect(host.check(name)?.verdict == .ok, "\(String(describing: host.check(name)))")
      #expect(host.check(name)?.evidence[0].hasPrefix("no PF with VFs ") == true)
    }
  }

  @Test func guestsInABridgeOnThePF() throws {
    let host = try host()
    try host.bridge("br0", ports: ["enp1s0", "vnet0"])
    let check = try #require(host.check(.pfBridges))
    #expect(check.verdict == .warning)
    #expect(check.evidence[0].contains("bridge br0 has PF enp1s0 as a port"))
    #expect(check.evidence[0].contains("(vnet0)"))
    #expect(check.evidence.last?.hasSuffix("bridge fdb show dev enp1s0") == true)
    #expect(check.fix.contains { $0.hasSuffix("bridge fdb add MAC dev enp1s0 self") })
  }

  @Test func aPFWithoutVFsMayBeInABridge() throws {
    let host = try host(vfs: 0)
    try host.bridge("br0", ports: ["enp1s0", "vnet0"])
    #expect(host.check(.pfBridges)?.verdict == .ok)
  }

  /// The host's own address on a bridge is reached as long as it has the PF's MAC.
  @Test func aBridgeForTheHostAlone() throws {
    let host = try host()
    try host.bridge("br0", ports: ["enp1s0"])
    #expect(host.check(.pfBridges)?.verdict == .ok)
    try host.file("/sys/class/net/br0/address", "0a:00:00:00:00:01\n")
    let check = try #require(host.check(.pfBridges))
    #expect(check.verdict == .warning)
    #expect(check.fix == ["bridge fdb add 0a:00:00:00:00:01 dev enp1s0 self"])
  }

  @Test func throughAVLAN() throws {
    let host = try host()
    try host.netdev("enp1s0.42", type: "vlan")
    try host.link("\(Self.pf)/upper_enp1s0.42", to: "../enp1s0.42")
    try host.bridge("br42", ports: ["enp1s0.42", "vnet0"])
    #expect(host.check(.pfBridges)?.evidence[0].contains("PF enp1s0 (through enp1s0.42)") == true)
  }

  /// Without anything to learn, the kernel gives the card the bridge's MACs.
  @Test func aBridgeThatTellsTheCard() throws {
    let host = try host()
    try host.bridge("br0", ports: ["enp1s0", "vnet0"])
    try host.file("/sys/class/net/br0/bridge/vlan_filtering", "1\n")
    #expect(host.check(.pfBridges)?.verdict == .warning)
    for file in ["learning", "unicast_flood"] { try host.file("/sys/class/net/vnet0/brport/\(file)", "0\n") }
    #expect(host.check(.pfBridges)?.verdict == .ok)
    try host.file("/sys/class/net/br0/flags", "0x1103\n")
    #expect(host.check(.pfBridges)?.verdict == .warning)
  }

  @Test func openVSwitch() throws {
    let host = try host()
    try host.netdev("ovs-system")
    try host.link("\(Self.pf)/master", to: "../../../../../class/net/ovs-system")
    try host.link("/sys/class/net/ovs-system/lower_enp1s0", to: "../enp1s0")
    #expect(host.check(.pfBridges)?.verdict == .ok)
    try host.link("/sys/class/net/ovs-system/lower_vnet0", to: "../vnet0")
    let check = try #require(host.check(.pfBridges))
    #expect(check.verdict == .warning)
    #expect(check.fix[0].hasPrefix("ovs-vsctl port-to-br enp1s0"))
  }

  @Test func aSwitchdevCardForwardsAsItsBridgeSays() throws {
    let host = try host()
    try host.bridge("br0", ports: ["enp1s0", "vnet0"])
    try host.file("\(Self.pf)/phys_switch_id", "9a0b0c0001\n")
    #expect(host.check(.pfBridges)?.verdict == .ok)
  }

  @Test func macvtaps() throws {
    let host = try host()
    try host.netdev("macvtap0")
    try host.folder("/sys/class/net/macvtap0/macvtap/tap7")
    try host.link("\(Self.pf)/upper_macvtap0", to: "../macvtap0")
    let known = try #require(host.check(.pfMACVTaps))
    #expect(known.verdict == .ok)
    #expect(known.evidence == ["macvtap0 on PF enp1s0: the card knows the MACs, VFs reach them"])
    try host.file("\(Self.pf)/flags", "0x1103\n")
    #expect(host.check(.pfMACVTaps)?.verdict == .warning)
  }

  /// Mode, links of the bond, whether the switch spreads what it sends.
  @Test(arguments: [
    ("active-backup 1", "enp1s0 enp9s0", Verdict.warning, false), ("802.3ad 4", "enp1s0 enp9s0", .warning, true),
    ("802.3ad 4", "enp1s0", .ok, false),
  ])
  func bonds(mode: String, links: String, verdict: Verdict, spreads: Bool) throws {
    let host = try host()
    try host.netdev("bond0")
    try host.file("/sys/class/net/bond0/bonding/mode", mode + "\n")
    try host.file("/sys/class/net/bond0/bonding/slaves", links + "\n")
    try host.link("\(Self.pf)/master", to: "../../../../../class/net/bond0")
    let check = try #require(host.check(.pfBonds))
    #expect(check.verdict == verdict)
    #expect(check.evidence[0].contains("the switch spreads") == spreads)
  }

  /// A loop of links, as a broken folder could have it.
  @Test func linksInACircle() throws {
    let host = try host()
    try host.link("\(Self.pf)/upper_vnet0", to: "../vnet0")
    try host.link("/sys/class/net/vnet0/upper_enp1s0", to: "../enp1s0")
    #expect(host.check(.pfBridges)?.verdict == .ok)
  }
}
