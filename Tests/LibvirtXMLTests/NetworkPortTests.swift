import LibvirtXML
import PoolModel
import Testing

@Suite struct NetworkPortTests {
  let uuid = "0a0a0a0a-1111-4222-8333-444444444444"
  let owner = GuestID(name: "a1", uuid: "5d1f3a57-6b0e-4d4b-9d0e-3f2f8c8f0a01")
  let mac = MACAddress(value: 0x5254_00aa_0001)

  @Test func writesAClaim() throws {
    let port = NetworkPort(uuid: uuid, owner: owner, mac: mac, vf: PCIAddress("0000:01:11.2"))
    #expect(
      port.xml == """
        <networkport><uuid>\(uuid)</uuid><owner><name>a1</name><uuid>\(owner.uuid)</uuid></owner>\
        <mac address="52:54:00:aa:00:01"/><plug type="hostdev-pci" managed="yes"><driver name="vfio"/>\
        <address domain="0x0000" bus="0x01" slot="0x11" function="0x2"/></plug></networkport>
        """)
    #expect(try NetworkPort(xml: port.xml) == port)
  }

  @Test(arguments: ["a\"b'c", "a\nb\r\tc", "../../x", "<a>&amp;</a>", "]]>", " ", "ü😀"])
  func keepsOddOwners(_ name: String) throws {
    let port = NetworkPort(
      uuid: uuid, owner: GuestID(name: name, uuid: owner.uuid), mac: mac, portgroup: "p&q",
      vf: PCIAddress("10000:ff:1f.7"), managed: false, vlan: VLANTag(id: 42))
    #expect(try NetworkPort(xml: port.xml) == port)
  }

  @Test func readsWhatLibvirtSays() throws {
    let port = try NetworkPort(
      xml: """
        <networkport>
          <uuid>\(uuid)</uuid>
          <owner>
            <name>a1</name>
            <uuid>\(owner.uuid)</uuid>
          </owner>
          <group>finance</group>
          <mac address='52:54:00:aa:00:01'/>
          <virtualport type='802.1Qbh'><parameters profileid='x'/></virtualport>
          <vlan>
            <tag id='43'/>
          </vlan>
          <rxfilters trustGuest='no'/>
          <plug type='hostdev-pci' managed='yes'>
            <driver name='vfio'/>
            <address domain='0x0000' bus='0x01' slot='0x10' function='0x6'/>
          </plug>
        </networkport>
        """)
    #expect(port.owner == owner)
    #expect(port.portgroup == "finance")
    #expect(port.vf == PCIAddress("0000:01:10.6"))
    #expect(port.managed)
    #expect(port.vlan == VLANTag(id: 43))
    #expect(port.others.map(\.name) == ["virtualport", "rxfilters"])
    #expect(!port.isHold)
    let claim = port.xml
    #expect(claim.contains("<virtualport type=\"802.1Qbh\"><parameters profileid=\"x\"/></virtualport>"))
    #expect(claim.components(of: "<vlan>") == 1)
  }

  @Test func keepsATrunkThatIsNotOurs() throws {
    let trunk = "<vlan trunk=\"yes\"><tag id=\"1\"/><tag id=\"2\"/></vlan>"
    let port = try NetworkPort(
      xml: NetworkPort(uuid: uuid, owner: owner, mac: mac, vf: nil).xml.replacing("</owner>", with: "</owner>\(trunk)"))
    #expect(port.vlan == nil)
    #expect(port.xml.contains(trunk))
  }

  @Test func recognisesHoldsAndOtherPlugs() throws {
    let hold = NetworkPort(
      uuid: uuid, owner: GuestID(name: Hold.ownerName, uuid: Hold.ownerUUID), mac: mac, vf: nil)
    #expect(try NetworkPort(xml: hold.xml).isHold)
    let bridge = hold.xml.replacing("</networkport>", with: "<plug type='bridge' bridge='br0'/></networkport>")
    #expect(try NetworkPort(xml: bridge).vf == nil)
  }

  @Test(arguments: ["uuid", "owner", "mac"])
  func refusesWithout(_ part: String) throws {
    let whole = NetworkPort(uuid: uuid, owner: owner, mac: mac, vf: nil).xml
    let xml = whole.replacing("<\(part)", with: "<other").replacing("</\(part)>", with: "</other>")
    let problem = try #require(throws: XMLProblem.self) { _ = try NetworkPort(xml: xml) }
    #expect(problem.code == .refused)
    #expect(throws: XMLProblem.self) { try NetworkPort(xml: "<network/>") }
  }
}

extension String {
  fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
