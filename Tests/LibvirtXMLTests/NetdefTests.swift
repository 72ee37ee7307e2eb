import LibvirtXML
import PoolModel
import Testing

@Suite struct NetdefTests {
  @Test func passthrough() throws {
    let netdef = try Netdef(xml: Netdefs.xml("passthrough"))
    #expect(netdef.pool == Pool(name: "passthrough", pfs: [PoolPF(dev: "enp1s0")]))
    #expect(!netdef.usesMetadata)
    #expect(!netdef.fillsAddresses)
    #expect(netdef.managed)
  }

  @Test func tenantVLAN() throws {
    let netdef = try Netdef(xml: Netdefs.xml("tenant-vlan"))
    let pool = Pool(
      name: "tenant-vlan", pfs: [PoolPF(dev: "enp1s0", vfs: 7, range: 0...3)],
      placement: Placement(policy: .pack, sticky: true),
      policy: VFPolicy(trust: false, spoofchk: true, maxTxRate: 1000),
      portgroupPolicies: ["finance": VFPolicy(maxTxRate: 2000)], vlan: VLANTag(id: 42),
      portgroupVLANs: ["finance": VLANTag(id: 43)], portgroups: ["finance"])
    #expect(netdef.pool == pool)
    #expect(netdef.usesMetadata)
    #expect(netdef.fillsAddresses)
  }

  @Test func spread() throws {
    let netdef = try Netdef(xml: Netdefs.xml("spread"))
    #expect(netdef.pool.pfs == [PoolPF(dev: "enp1s0", vfs: 7), PoolPF(dev: "enp2s0", vfs: 7)])
    #expect(netdef.pool.placement.policy == .spread)
    #expect(netdef.pool.policy == VFPolicy(trust: true, spoofchk: false, maxTxRate: 500))
  }

  static let everything = """
    <network xmlns:p="urn:vfpool:pool:1" xmlns:o="urn:other">
      <name>a b</name>
      <uuid>81FF0D90C91E67426438C0F6F1ECAD69</uuid>
      <metadata>
        <o:thing o:deep="yes"/>
        <p:pool whenDown="refuse" macConflict="warn" enforce="yes" mac="keep">
          <p:pf dev="enp1s0" vfs="7" range="2"/>
          <p:pf dev="enp2s0"/>
          <p:placement policy="spread" numa="strict" sticky="yes" quota="2"/><p:reserve guest="web" vf="enp1s0/2"/>
          <o:note>kept</o:note>
          <p:vf trust="off" spoofchk="on" linkState="disable" minTxRate="10" maxTxRate="20" qos="3" vlanProto="802.1ad"/>
          <p:vf portgroup="b" linkState="enable" minTxRate="30" maxTxRate="0" qos="0"/>
        </p:pool>
      </metadata>
      <forward mode="hostdev">
        <address type="pci" domain="0x0000" bus="0x01" slot="0x10" function="0x2"/>
        <address type="pci" domain="65536" bus="2" slot="16" function="0"/>
      </forward>
      <vlan><tag id="1"/></vlan>
      <portgroup name="b" default="yes"><vlan><tag id="4094"/></vlan></portgroup>
      <portgroup name="c"/>
    </network>
    """

  @Test func readsEveryAttribute() throws {
    let netdef = try Netdef(xml: Self.everything)
    let pool = Pool(
      name: "a b", uuid: "81ff0d90-c91e-6742-6438-c0f6f1ecad69",
      pfs: [PoolPF(dev: "enp1s0", vfs: 7, range: 2...2), PoolPF(dev: "enp2s0")],
      addresses: ["0000:01:10.2", "10000:02:10.0"].compactMap { PCIAddress($0) },
      placement: Placement(policy: .spread, numa: .strict, sticky: true, quota: 2),
      reservations: [Reservation(guest: "web", vf: .place(VFIndex(pf: "enp1s0", index: 2)))],
      policy: VFPolicy(
        trust: false, spoofchk: true, linkState: .disable, minTxRate: 10, maxTxRate: 20, qos: 3, vlanProto: .dot1ad),
      portgroupPolicies: ["b": VFPolicy(linkState: .enable, minTxRate: 30, maxTxRate: 0, qos: 0)],
      vlan: VLANTag(id: 1), portgroupVLANs: ["b": VLANTag(id: 4094)], portgroups: ["b", "c"], defaultPortgroup: "b",
      whenDown: .refuse, macConflict: .warn, mac: .keep, enforcesOutsideChanges: true)
    #expect(netdef.pool == pool)
    #expect(!netdef.managed)
    #expect(netdef.notes.isEmpty)
  }

  @Test func knowsWhereThingsStand() throws {
    let netdef = try Netdef(xml: Self.everything)
    let address = try #require(PCIAddress("0000:01:10.2"))
    let places: [(Netdef.Place, Int?)] = [
      (.name, 2), (.metadata, 6), (.pf(.init(dev: "enp1s0")), 7), (.pf(.init(dev: "enp2s0")), 8),
      (.pf(.init(dev: "enp3s0")), nil),
      (.reservation(.place(VFIndex(pf: "enp1s0", index: 2))), 9), (.policy(portgroup: nil), 11),
      (.policy(portgroup: "b"), 12), (.forward, 15), (.address(address), 16),
      (.portgroup("c"), 21),
    ]
    for (place, line) in places { #expect(netdef.line(of: place) == line, "\(place)") }
    #expect("\(netdef.problem("no such PF", at: .pf(.init(dev: "enp2s0"))))" == "line 8: no such PF")
  }

  @Test func reservesForNamesAndUUIDs() throws {
    let netdef = try Netdef(
      xml: NetdefTests.netdef(
        "\(NetdefTests.pf)<v:reserve guest='web' vf='a/1'/><v:reserve guest='web' vf='a/2'/>"
          + "<v:reserve guest='81FF0D90-C91E-6742-6438-C0F6F1ECAD69' vf='01:10.0'/>"))
    #expect(netdef.pool.reservations.map(\.guest) == ["web", "web", "81ff0d90-c91e-6742-6438-c0f6f1ecad69"])
    #expect(netdef.pool.reservations.map(\.vf.description) == ["a/1", "a/2", "0000:01:10.0"])
    let guest = GuestID(name: "x", uuid: "81ff0d90-c91e-6742-6438-c0f6f1ecad69")
    #expect(netdef.pool.reservations.map { $0.isFor(guest) } == [false, false, true])
  }

  @Test func takesVFPoolAsDefaultNamespace() throws {
    let netdef = try Netdef(
      xml: """
        <network><name>a</name><forward mode='hostdev'/>
        <metadata><pool xmlns="urn:vfpool:pool:1"><pf dev="enp1s0"/></pool></metadata></network>
        """)
    #expect(netdef.pool.pfs == [PoolPF(dev: "enp1s0")])
  }

  @Test(arguments: [
    "<pf dev='enp1s0'/>", "<address type='pci' bus='1' slot='0x10' function='0'/>",
  ])
  func takesPolicyWithLibvirtsOwnList(_ list: String) throws {
    let netdef = try Netdef(
      xml: """
        <network><name>a</name><metadata><v:pool xmlns:v="urn:vfpool:pool:1"><v:vf trust="on"/></v:pool></metadata>
        <forward mode='hostdev'>\(list)</forward></network>
        """)
    #expect(netdef.usesMetadata)
    #expect(!netdef.fillsAddresses)
    #expect(netdef.pool.policy.trust == true)
    #expect(netdef.pool.pfs.count + netdef.pool.addresses.count == 1)
  }

  @Test func takesSelectors() throws {
    let netdef = try Netdef(xml: Netdefs.xml("selectors"))
    #expect(netdef.fillsAddresses)
    #expect(
      netdef.pool.pfs == [
        PoolPF(PFSelector(match: PCIID(vendor: 0x8086, device: 0x10ca), driver: "igb"), vfs: 7, range: 0...5)
      ])
    let all = try Netdef(
      xml: Self.netdef("<v:pf dev='a' pci='01:00.0' mac='52:54:00:AA:00:01' match='15B3:1017' driver='mlx5_core'/>"))
    #expect(
      all.pool.pfs == [
        PoolPF(
          PFSelector(
            dev: "a", pci: PCIAddress(bus: 1, slot: 0, function: 0), mac: MACAddress(value: 0x5254_00aa_0001),
            match: PCIID(vendor: 0x15b3, device: 0x1017), driver: "mlx5_core"))
      ])
  }

  /// What can't be read must not make a selector mean more cards.
  @Test func aSelectorIsReadWholeOrNotAtAll() throws {
    let netdef = try Netdef(libvirtXML: Self.netdef("<v:pf match='new' driver='igb'/><v:pf dev='a'/>"))
    #expect(netdef.pool.pfs == [PoolPF(dev: "a")])
    #expect(netdef.notes.count == 1)
  }

  @Test func theRestOfTheNetworkIsComparable() throws {
    let rest = { (text: String) in try Netdef(xml: Self.plain(more: text)).others }
    #expect(try rest("") == [:])
    #expect(
      try rest("<title>x</title><!-- y --><vlan><tag id='1'/></vlan><uuid>00000000-0000-4000-8000-000000000001</uuid>")
        == [:])
    #expect(try rest("<virtualport type='802.1Qbh'/>") == ["virtualport": "<virtualport type=\"802.1Qbh\"/>"])
    #expect(
      try rest("<virtualport>\n <x b='1' a='2'/></virtualport>") == rest("<virtualport><x a='2' b='1'/></virtualport>"))
    #expect(
      try rest("<portgroup name='g' default='yes'><vlan><tag id='1'/></vlan><bandwidth/></portgroup>")
        == rest("<portgroup name='g'><bandwidth/></portgroup>"))
    #expect(try rest("<portgroup name='g'/>") != rest("<portgroup name='g'><bandwidth/></portgroup>"))
  }

  /// Line 1 is `<network>`, 2 the name, 3 the metadata, 4 what is in question, 5 the forward element.
  static func netdef(
    name: String = "<name>a</name>", pool: String = "<v:pool>", _ ours: String = "<v:pf dev='enp1s0'/>",
    forward: String = "<forward mode='hostdev'/>", more: String = ""
  ) -> String {
    """
    <network xmlns:v='urn:vfpool:pool:1'>
    \(name)
    <metadata>\(pool)
    \(ours)</v:pool></metadata>
    \(forward)
    \(more)
    </network>
    """
  }

  static func plain(_ forward: String = "<pf dev='enp1s0'/>", more: String = "") -> String {
    """
    <network>
    <name>a</name>
    <forward mode='hostdev'>
    \(forward)
    </forward>
    \(more)
    </network>
    """
  }

  static let pf = "<v:pf dev='enp1s0'/>"
  static let vlan = "<vlan><tag id='2'/></vlan>"
  static let address = "<address type='pci' domain='0' bus='1' slot='2' function='3'/>"

  static let bad: [(String, Int?, String)] = [
    // The network.
    ("<domain/>", 1, "<domain> where a libvirt <network> is expected"),
    ("<network xmlns='urn:x'/>", 1, "remove its xmlns"),
    ("<network/>", 1, "no <name>"),
    (netdef(name: "<name></name>"), 2, "no <name>"),
    (netdef(name: "<name>  </name>"), 2, "only white space"),
    (netdef(name: "<name>a/b</name>"), 2, "“a/b” has a “/”"),
    (netdef(name: "<name>../a</name>"), 2, "has a “/”"),
    (netdef(name: "<name>a&#10;b</name>"), 2, "line break"),
    (netdef(name: "<name>a</name><name>b</name>"), 2, "second <name>"),
    (netdef(name: "<name>a</name><uuid>1234</uuid>"), 2, "“1234” is not a UUID"),
    (netdef(forward: ""), 1, "no <forward>"),
    (netdef(forward: "<forward mode='nat'/>"), 5, "mode “nat”"),
    (netdef(forward: "<forward/>"), 5, "mode “nat”"),
    (netdef(forward: "<forward\nmode='bridge'/>"), 6, "mode “bridge”"),
    (netdef(forward: "<forward mode='hostdev' managed='on'/>"), 5, "unknown managed “on”; allowed: yes, no"),
    (netdef(forward: "<forward mode='hostdev' dev='enp1s0'/>"), 5, "<pf dev=…/>"),
    (plain("<interface dev='enp1s0'/>"), 4, "<interface> means nothing with hostdev"),
    (plain(""), 3, "no VFs"),
    (netdef(""), 3, "no VFs"),
    (plain("<pf dev='a'/><pf dev='b'/>"), 4, "second <pf>"),
    (plain("<pf dev='a'/>\n\(address)"), 4, "either <pf> or <address>"),
    (plain("<pf/>"), 4, "<pf> needs dev="),
    (plain("<pf dev='../../x'/>"), 4, "“../../x” can't be a network interface's name"),
    (plain("<pf dev='sixteencharacter'/>"), 4, "can't be"),
    (plain("\(address)\n\(address)"), 5, "0000:01:02.3 is listed twice"),
    (plain("<address type='pci' bus='256' slot='0' function='0'/>"), 4, "not a PCI address"),
    (plain("<address type='pci' bus='1' slot='32' function='0'/>"), 4, "not a PCI address"),
    (plain("<address type='pci' bus='1' slot='1' function='8'/>"), 4, "not a PCI address"),
    (plain("<address type='pci' bus='-1' slot='1' function='0'/>"), 4, "not a PCI address"),
    (plain("<address bus='1' slot='1' function='0'/>"), 4, "not a PCI address"),
    // VLANs, portgroups, virtual ports.
    (plain(more: "<vlan><tag id='1'/><tag id='2'/></vlan>"), 6, "trunk on the network fails at a guest's start"),
    (plain(more: "<vlan trunk='yes'><tag id='1'/></vlan>"), 6, "use one tag"),
    (plain(more: "<vlan><tag id='1' nativeMode='tagged'/></vlan>"), 6, "use one tag"),
    (plain(more: "<vlan/>"), 6, "has no tag"),
    (plain(more: "<vlan><tag id='4095'/></vlan>"), 6, "VLAN id “4095”; allowed: 1 to 4094"),
    (plain(more: "<vlan><tag id='0'/></vlan>"), 6, "allowed: 1 to 4094"),
    (plain(more: "<vlan>\n<tag id='+7'/></vlan>"), 7, "VLAN id “+7”"),
    (plain(more: "<portgroup name='g'>\n<vlan trunk='yes'><tag id='1'/></vlan></portgroup>"), 7, "portgroup “g”"),
    (plain(more: "<portgroup/>"), 6, "needs a name"),
    (plain(more: "<portgroup name='g'/>\n<portgroup name='g'/>"), 7, "“g” is given twice"),
    (plain(more: "<portgroup name='g' default='yes'/>\n<portgroup name='h' default='yes'/>"), 7, "“g” is the default"),
    (plain(more: "<virtualport type='802.1Qbg'/>"), 6, "use 802.1Qbh"),
    (plain(more: "<portgroup name='g'><virtualport type='802.1Qbg'/></portgroup>"), 6, "use 802.1Qbh"),
    // vfpool's element.
    (netdef(pool: "<v:pool><v:pf dev='a'/></v:pool>\n<v:pool>"), 4, "second <v:pool>"),
    (netdef(pool: "<v:pool colour='red'>"), 3, "attribute colour of <v:pool>; allowed: whenDown, macConflict, enforce"),
    (netdef(pool: "<v:pool whenDown='wait'>"), 3, "unknown whenDown “wait”; allowed: allow, refuse, ignore"),
    (netdef(pool: "<v:pool mac='yes'>"), 3, "unknown mac “yes”; allowed: follow, keep"),
    (netdef(pool: "<v:pool macConflict='yes'>"), 3, "unknown macConflict “yes”; allowed: refuse, warn"),
    (netdef(pool: "<v:pool enforce='on'>"), 3, "unknown enforce “on”; allowed: yes, no"),
    (netdef("\(pf)<v:vfs/>"), 4, "unknown element <v:vfs> within <v:pool>; allowed: pf, placement, reserve, vf"),
    (netdef("\(pf)<vf trust='on'/>"), 4, "<vf> within <v:pool> lacks vfpool's prefix"),
    (netdef("\(pf)some words"), 3, "text within <v:pool>"),
    (netdef("<v:pf dev='a'><v:vf/></v:pf>"), 4, "unknown element <v:vf> within <v:pf>; allowed: none"),
    (netdef("<v:pf/>"), 4, "<v:pf> needs dev="),
    (netdef("<v:pf name='a'/>"), 4, "unknown attribute name of <v:pf>; allowed: dev, pci, mac, match"),
    (netdef("<v:pf dev='a b'/>"), 4, "can't be a network interface's name"),
    (netdef("<v:pf dev='a'/>\n<v:pf dev='a'/>"), 5, "PF a is given twice"),
    (netdef("<v:pf vfs='7'/>"), 4, "or by what else it is found: pci=, mac=, match=, driver="),
    (netdef("<v:pf\npci='01:00'/>"), 5, "pci “01:00” is not a PCI address like"),
    (netdef("<v:pf mac='52:54:00'/>"), 4, "mac “52:54:00” is not a MAC like"),
    (netdef("<v:pf mac='01:00:00:00:00:01'/>"), 4, "is no card's own MAC"),
    (netdef("<v:pf match='10ca'/>"), 4, "match “10ca” is not vendor:device like 8086:10ca"),
    (netdef("<v:pf driver=''/>"), 4, "driver “” is no name of a kernel driver"),
    (netdef("<v:pf driver='igb'/>\n<v:pf driver='igb'/>"), 5, "PF driver=\"igb\" is given twice"),
    (netdef("<v:pf dev='a' vfs='0'/>"), 4, "vfs “0”; allowed: 1 to 65535"),
    (netdef("<v:pf dev='a' vfs='seven'/>"), 4, "vfs “seven”; allowed"),
    (netdef("<v:pf dev='a' vfs='+7'/>"), 4, "vfs “+7”; allowed"),
    (netdef("<v:pf dev='a' vfs='99999999999999999999'/>"), 4, "allowed: 1 to 65535"),
    (netdef("<v:pf dev='a' range='3-1'/>"), 4, "range “3-1”; allowed: one index"),
    (netdef("<v:pf dev='a' range='-1'/>"), 4, "range “-1”"),
    (netdef("<v:pf dev='a' range=''/>"), 4, "range “”"),
    (netdef("<v:pf dev='a' range='0-1-2'/>"), 4, "range “0-1-2”"),
    (netdef("<v:pf dev='a' range='0,2'/>"), 4, "range “0,2”"),
    (netdef("<v:pf dev='a' vfs='7'\nrange='0-7'/>"), 5, "goes beyond vfs=\"7\": the last VF of a is 6"),
    (netdef("\(pf)<v:placement policy='fill'/>"), 4, "unknown policy “fill”; allowed: pack, spread"),
    (netdef("\(pf)<v:placement policy='Pack'/>"), 4, "unknown policy “Pack”"),
    (netdef("\(pf)<v:placement numa='yes'/>"), 4, "unknown numa “yes”; allowed: ignore, prefer, strict"),
    (netdef("\(pf)<v:placement sticky='on'/>"), 4, "unknown sticky “on”; allowed: yes, no"),
    (netdef("\(pf)<v:placement/><v:placement/>"), 4, "second <v:placement>"),
    (netdef("\(pf)<v:vf trust='yes'/>"), 4, "unknown trust “yes”; allowed: on, off"),
    (netdef("\(pf)<v:vf spoofchk=''/>"), 4, "unknown spoofchk “”; allowed: on, off"),
    (netdef("\(pf)<v:vf linkState='up'/>"), 4, "unknown linkState “up”; allowed: auto, enable, disable"),
    (netdef("\(pf)<v:vf vlanProto='802.1q'/>", more: vlan), 4, "unknown vlanProto “802.1q”; allowed: 802.1Q, 802.1ad"),
    (netdef("\(pf)<v:vf maxTxRate='1G'/>"), 4, "maxTxRate “1G”; allowed: 0 to 4294967295, Mbit/s"),
    (netdef("\(pf)<v:vf minTxRate='-1'/>"), 4, "minTxRate “-1”; allowed"),
    (netdef("\(pf)<v:vf qos='8'/>", more: vlan), 4, "qos “8”; allowed: 0 to 7"),
    (netdef("\(pf)<v:vf maxtxrate='1'/>"), 4, "unknown attribute maxtxrate"),
    (netdef("\(pf)<v:vf minTxRate='20' maxTxRate='10'/>"), 4, "minTxRate 20 is more than maxTxRate 10"),
    (netdef("\(pf)<v:vf trust='on'/>\n<v:vf/>"), 5, "second <v:vf> for all NICs"),
    (netdef("\(pf)<v:vf portgroup='g'/>"), 4, "no portgroup “g”; the network has none"),
    (
      netdef("\(pf)<v:vf portgroup='g'/>", more: "<portgroup name='h'/><portgroup name='i'/>"), 4,
      "no portgroup “g”; known: h, i"
    ),
    (
      netdef("\(pf)<v:vf portgroup='g'/>\n<v:vf portgroup='g'/>", more: "<portgroup name='g'/>"), 5,
      "second <v:vf> for portgroup “g”"
    ),
    (
      netdef("\(pf)<v:vf maxTxRate='10'/>\n<v:vf portgroup='g' minTxRate='20'/>", more: "<portgroup name='g'/>"), 5,
      "minTxRate 20 is more than maxTxRate 10"
    ),
    (netdef("\(pf)<v:placement quota='0'/>"), 4, "quota “0”; allowed: 1 to 65535"),
    (netdef("\(pf)<v:placement quota='two'/>"), 4, "quota “two”"),
    (netdef("\(pf)<v:reserve vf='a/0'/>"), 4, "<v:reserve> needs guest="),
    (netdef("\(pf)<v:reserve guest=' ' vf='a/0'/>"), 4, "<v:reserve> needs guest="),
    (netdef("\(pf)<v:reserve guest='web'/>"), 4, "for guest web needs vf=, a VF like enp1s0/3 or 0000:01:10.0"),
    (netdef("\(pf)<v:reserve guest='web' vf='a'/>"), 4, "needs vf=, a VF like enp1s0/3 or 0000:01:10.0, not “a”"),
    (netdef("\(pf)<v:reserve guest='web' vf='a/1' for='x'/>"), 4, "unknown attribute for"),
    (
      netdef("\(pf)<v:reserve guest='web' vf='a/1'/>\n<v:reserve guest='db' vf='a/1'/>"), 5,
      "VF a/1 is reserved twice, for web and for db"
    ),
    (netdef("\(pf)<v:vf qos='3'/>"), 4, "qos without a VLAN; give the network a <vlan>"),
    (netdef("\(pf)<v:vf vlanProto='802.1Q'/>"), 4, "vlanProto without a VLAN"),
    (
      netdef("\(pf)<v:vf portgroup='g' qos='3'/>", more: "<portgroup name='g'/>"), 4,
      "qos without a VLAN; give portgroup “g” a <vlan>"
    ),
    (netdef(forward: "<forward mode='hostdev'>\n<pf dev='enp1s0'/></forward>"), 6, "either <pf> or the <address> list"),
    (netdef(more: "<v:pool/>"), 6, "<v:pool> belongs into <metadata>"),
    (netdef(forward: "<forward mode='hostdev'>\n<v:pf dev='b'/></forward>"), 6, "<v:pf> belongs into <metadata>"),
    (
      "<network><name>a</name><metadata>\n<pool xmlns='urn:vfpool:pool:2'/></metadata><forward mode='hostdev'/></network>",
      2, "unknown namespace “urn:vfpool:pool:2”; this vfpool knows urn:vfpool:pool:1"
    ),
    (
      "<network><name>a</name><metadata>\n<pf xmlns='urn:vfpool:pool:1'/></metadata><forward mode='hostdev'/></network>",
      2, "unknown element <pf> in <metadata>; allowed: pool"
    ),
  ]

  @Test(arguments: bad)
  func refuses(_ xml: String, _ line: Int?, _ words: String) throws {
    let problem = try #require(throws: XMLProblem.self) { _ = try Netdef(xml: xml) }
    #expect(problem.code == .refused, "\(problem)")
    #expect(problem.line == line, "\(problem)")
    #expect(problem.message.contains(words), "\(problem)")
  }

  @Test(arguments: [
    netdef(), plain(), plain(address), plain(more: vlan),
    netdef(name: "<name>\"it's\" &amp; &lt;odd&gt;</name>"),
    netdef(name: "<name>..</name>"),
    netdef("\(pf)<v:vf minTxRate='20' maxTxRate='0'/>"),
    netdef("\(pf)<v:placement quota='1'/><v:reserve guest='it&apos;s' vf='b/65535'/>"),
    netdef("\(pf)<v:vf qos='3'/>", more: vlan),
    netdef("\(pf)<v:vf qos='3'/>", more: "<portgroup name='g'>\(vlan)</portgroup>"),
    netdef("\(pf)<v:vf portgroup='g' qos='3'/>", more: "\(vlan)<portgroup name='g'/>"),
    netdef("<v:pf dev='a' vfs='7' range='0-6'/>"),
    netdef("<!-- words --><v:pf dev='a' range='65535'/>"),
    netdef(forward: "<forward mode='hostdev'>\(address)</forward>"),
    plain(more: "<virtualport type='802.1Qbh'><parameters profileid='x'/></virtualport>"),
  ])
  func takes(_ xml: String) throws {
    let netdef = try Netdef(xml: xml)
    #expect(netdef.notes.isEmpty)
    #expect(netdef.pool.mode == .enforce)
    #expect(try Netdef(xml: netdef.xml()).pool == netdef.pool)
  }

  @Test func refusesWhatIsNoXMLWithTheParsersReason() throws {
    let problem = try #require(throws: XMLProblem.self) { _ = try Netdef(xml: "<network>\n<name>a</network>") }
    #expect("\(problem)" == "line 2: not well-formed XML: a closing tag doesn't match the element that is open")
    #expect(problem.parserCode == 76)
    let big = "<network><name>a</name><!--" + String(repeating: "x", count: 1 << 20) + "--></network>"
    #expect(try #require(throws: XMLProblem.self) { _ = try Netdef(xml: big) }.code == .tooLarge)
  }
}

@Suite struct LibvirtsOwnXMLTests {
  @Test func readsALiveNetwork() throws {
    let netdef = try Netdef(
      libvirtXML: """
        <network connections='2'>
          <name>passthrough</name>
          <uuid>81ff0d90-c91e-6742-64da-4a736edb9a9b</uuid>
          <forward mode='hostdev' managed='yes'>
            <address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x0' connections='1'/>
            <address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x2' connections='1'/>
            <address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x4'/>
          </forward>
        </network>
        """)
    #expect(netdef.pool.mode == .observe)
    #expect(netdef.pool.addresses.map(\.description) == ["0000:01:10.0", "0000:01:10.2", "0000:01:10.4"])
    #expect(netdef.pool.pfs.isEmpty)
    #expect(netdef.managed)
    #expect(netdef.notes.isEmpty)
  }

  @Test func leavesOutWhatItCannotUse() throws {
    let netdef = try Netdef(
      libvirtXML: """
        <network><name>theirs</name>
          <metadata>
            <v:pool xmlns:v='urn:vfpool:pool:1' whenDown='later'>
              <v:pf dev='enp1s0' vfs='4' range='2-9'/><v:pf dev='enp1s0'/><v:new/>
              <v:placement policy='clever' sticky='yes'/><v:vf trust='maybe' spoofchk='on' portgroup='none'/>
              <v:vf qos='9' maxTxRate='10'/>
            </v:pool>
          </metadata>
          <forward mode='hostdev'/>
          <vlan trunk='yes'><tag id='1'/><tag id='2'/></vlan>
          <portgroup name='ok'><vlan><tag id='7'/></vlan></portgroup>
        </network>
        """)
    #expect(netdef.pool.vlan == nil)
    #expect(netdef.pool.portgroupVLANs == ["ok": VLANTag(id: 7)])
    #expect(netdef.pool.pfs == [PoolPF(dev: "enp1s0", vfs: 4, range: 2...3)])
    #expect(netdef.pool.whenDown == .allow)
    #expect(netdef.pool.placement == Placement(policy: .pack, sticky: true))
    #expect(netdef.pool.policy == VFPolicy(maxTxRate: 10))
    #expect(netdef.pool.portgroupPolicies.isEmpty)
    #expect(Set(netdef.notes.map(\.line)) == [3, 4, 5, 6, 10])
    #expect(netdef.notes.count == 9)
  }

  @Test(arguments: NetdefTests.bad.map(\.0))
  func neverRefusesANamedHostdevNetwork(_ xml: String) throws {
    let isHostdev = xml.contains("hostdev'") && xml.contains("<name>") && !xml.contains("<name></name>")
    if isHostdev {
      _ = try Netdef(libvirtXML: xml)
    } else {
      #expect(throws: XMLProblem.self) { try Netdef(libvirtXML: xml) }
    }
  }
}
