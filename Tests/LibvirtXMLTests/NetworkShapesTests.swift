import LibvirtXML
import PoolModel
import Testing

/// Every hostdev network of libvirt's documentation (`formatnetwork`), and every port of one (`formatnetworkport`).
@Suite struct NetworkShapesTests {
  static func network(_ forward: String, _ more: String = "") -> String {
    "<network ipv6='yes' trustGuestRxFilters='yes'><name>a</name>\(forward)\(more)</network>"
  }

  static let pf = "<pf dev='eth3'/>"
  static let two =
    "<address type='pci' domain='0' bus='4' slot='0' function='1'/><address type='pci' domain='0x0000' bus='0x04' "
    + "slot='0x10' function='0x2'/>"

  static let networks: [(String, Pool)] = [
    (network("<forward mode='hostdev' managed='yes'>\(pf)</forward>"), Pool(name: "a", pfs: [PoolPF(dev: "eth3")])),
    (network("<forward managed='no' mode='hostdev'>\(pf)</forward>"), Pool(name: "a", pfs: [PoolPF(dev: "eth3")])),
    (
      network("<forward mode='hostdev' managed='yes'><driver name='vfio'/>\(two)</forward>"),
      Pool(name: "a", addresses: ["0000:04:00.1", "0000:04:10.2"].compactMap { PCIAddress($0) })
    ),
    (
      network("<forward mode='hostdev'><driver name='kvm'/>\(two)</forward>"),
      Pool(name: "a", addresses: ["0000:04:00.1", "0000:04:10.2"].compactMap { PCIAddress($0) })
    ),
    (
      network("<forward mode='hostdev'><driver name='vfio' model='igbvf_vfio_pci'/>\(pf)</forward>"),
      Pool(name: "a", pfs: [PoolPF(dev: "eth3")])
    ),
    (
      network(
        "<forward mode='hostdev'>\(pf)</forward>",
        "<vlan><tag id='42'/></vlan><portgroup name='engineering' default='yes'><virtualport type='802.1Qbh'>"
          + "<parameters profileid='test'/></virtualport><vlan><tag id='43'/></vlan></portgroup>"
          + "<portgroup name='sales' trustGuestRxFilters='no'/>"),
      Pool(
        name: "a", pfs: [PoolPF(dev: "eth3")], vlan: VLANTag(id: 42), portgroupVLANs: ["engineering": VLANTag(id: 43)],
        portgroups: ["engineering", "sales"], defaultPortgroup: "engineering")
    ),
    (
      network(
        "<forward mode='hostdev'>\(pf)</forward>",
        "<title>A title</title><description>words &amp; &lt;more></description><port isolated='yes'/>"),
      Pool(name: "a", pfs: [PoolPF(dev: "eth3")])
    ),
  ]

  @Test(arguments: networks)
  func roundTrip(xml: String, pool: Pool) throws {
    let netdef = try Netdef(xml: xml)
    #expect(netdef.pool == pool)
    #expect(netdef.notes.isEmpty)
    let again = try Netdef(xml: netdef.xml())
    #expect(again.pool == pool && again.managed == netdef.managed)
    // Nothing is lost or new, and in the same order.
    #expect(try Meaning(netdef.xml()) == Meaning(xml))
    let filled = netdef.xml(uuid: HostdevShapesTests.uuid, addresses: [HostdevShapesTests.vf])
    #expect(try Meaning(filled) == Meaning(Netdef(xml: filled).xml()))
    let read = try Netdef(libvirtXML: filled).pool
    #expect(read.addresses == [HostdevShapesTests.vf] && read.vlan == pool.vlan && read.portgroups == pool.portgroups)
  }

  @Test(arguments: [
    "<bridge name='virbr0'/>", "<mac address='52:54:00:00:00:01'/>", "<mtu size='9000'/>",
    "<ip address='192.0.2.1' netmask='255.255.255.0'/>", "<dns><txt name='a' value='b'/></dns>",
    "<domain name='example.org'/>", "<bandwidth><inbound average='1'/></bandwidth>",
  ])
  func whatLibvirtRefusesWithHostdev(part: String) throws {
    let xml = Self.network("<forward mode='hostdev'>\(Self.pf)</forward>\n", part)
    let problem = try #require(throws: XMLProblem.self) { _ = try Netdef(xml: xml) }
    #expect(problem.line == 2)
    #expect(problem.message.contains("libvirt refuses it with hostdev"))
    #expect(try Netdef(libvirtXML: xml).notes == [problem])
  }

  // MARK: - Ports

  static func port(_ plug: String, _ more: String = "", mac: String = "52:54:0:7b:35:93") -> String {
    """
    <networkport>
      <uuid>7ae63b5f-fe96-4af0-a7c3-da04ba1b3f54</uuid>
      <owner>
        <uuid>06578fc1-c686-46fa-bc2c-220893b466a6</uuid>
        <name>my "guest" &amp; co</name>
      </owner>
      <group>webfront</group>
      <mac address='\(mac)'/>
      \(more)
      \(plug)
    </networkport>
    """
  }

  static let common =
    "<bandwidth classID='3'><inbound average='1000' peak='5000' floor='200' burst='1024'/>"
    + "<outbound average='128'/></bandwidth><rxfilters trustGuest='yes'/><port isolated='yes'/>"
    + "<virtualport type='802.1Qbh'><parameters profileid='p'/></virtualport>"
  static let address = "<address domain='0x0001' bus='0x02' slot='0x03' function='0x4'/>"

  static let ports: [(String, String?, Bool)] = [
    (port("<plug type='hostdev-pci' managed='yes'><driver name='vfio'/>\(address)</plug>"), "0001:02:03.4", true),
    (port("<plug type='hostdev-pci' managed='no'>\(address)</plug>", common), "0001:02:03.4", false),
    (port("<plug type='hostdev-pci'><driver name='kvm'/>\(address)</plug>"), "0001:02:03.4", false),
    (
      port(
        "<plug managed='yes' type='hostdev-pci' later='yes'><driver name='vfio' model='mlx5_vfio_pci'/><new/>\(address)"
          + "</plug>", "<vlan><tag id='42'/></vlan>"), "0001:02:03.4", true
    ),
    (port("<plug type='hostdev-pci'><address bus='2' slot='3'/></plug>"), "0000:02:03.0", false),
    (
      port(
        "<plug type='hostdev-pci' managed='yes'>\(address)</plug>",
        "<vlan trunk='yes'><tag id='1' nativeMode='untagged'/><tag id='2'/></vlan>"), "0001:02:03.4", true
    ),
    (port("<plug type='network' bridge='virbr0' macTableManager='libvirt'/>", common), nil, false),
    (port("<plug type='bridge' bridge='br2' macTableManager='kernel'/>"), nil, false),
    (port("<plug type='direct' dev='ens3' mode='vepa'/>"), nil, false),
    (port("<plug type='hostdev-pci' managed='yes'><address uuid='x'/></plug>"), nil, true),
    (port(""), nil, false),
  ]

  @Test(arguments: ports)
  func port(xml: String, vf: String?, managed: Bool) throws {
    let port = try NetworkPort(xml: xml)
    #expect(port.owner == GuestID(name: "my \"guest\" & co", uuid: "06578fc1-c686-46fa-bc2c-220893b466a6"))
    #expect(port.mac == MACAddress("52:54:00:7b:35:93"))
    #expect(port.portgroup == "webfront")
    #expect(port.vf?.description == vf)
    #expect(port.managed == managed)
    #expect(try NetworkPort(xml: port.xml) == port)
    // libvirt doesn't mind the order of a port's elements, and fills an address' parts.
    #expect(try Meaning(port.xml).unordered == Meaning(Self.canonical(xml)).unordered)
  }

  /// With addresses, MAC and `managed` as libvirt itself writes them.
  private static func canonical(_ xml: String) -> String {
    xml.replacing("52:54:0:", with: "52:54:00:")
      .replacing(
        "<address bus='2' slot='3'/>", with: "<address domain='0x0000' bus='0x02' slot='0x03' function='0x0'/>"
      )
      .replacing("<plug type='hostdev-pci'>", with: "<plug type='hostdev-pci' managed='no'>")
  }
}

/// What an XML document says: white space between elements, quotes and spelling don't count.
struct Meaning: Hashable {
  var name: String
  var attributes: [String: String]
  var text: String
  var parts: [Meaning]

  init(_ xml: String) throws { self.init(try XMLTree(xml: xml, limit: XMLTree.libvirtLimit).root) }

  private init(_ element: XMLTree.Element) {
    name = element.name
    attributes = Dictionary(element.attributes.map { ($0.name, $0.value) }) { first, _ in first }
    parts = element.elements.map { Meaning($0) }
    text = parts.isEmpty ? element.text : ""
    if text.allSatisfy(\.isWhitespace) { text = "" }
  }

  /// The parts of each element in an order of their own.
  var unordered: Meaning {
    var copy = self
    copy.parts = parts.map(\.unordered).sorted {
      "\($0.name)\($0.attributes.sorted { $0.key < $1.key })" < "\($1.name)\($1.attributes.sorted { $0.key < $1.key })"
    }
    return copy
  }
}
