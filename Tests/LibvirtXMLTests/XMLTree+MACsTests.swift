import LibvirtXML
import PoolModel
import Testing

@Suite struct XMLTreeMACsTests {
  private static let domain = """
    <domain type="kvm" xmlns:v="urn:v">
      <name>web</name>
      <mac address="not a NIC's"/>
      <devices>
        <!-- the first -->
        <interface type="bridge"><mac address="52:54:00:00:00:01"/><source bridge="br0"/></interface>
        <graphics type="vnc" passwd="it's &quot;secret&quot;"/>
        <interface type="network">
          <mac address="52:54:00:00:00:02" type="static"/>
          <source network="spread"/>
        </interface>
        <v:interface><mac address="52:54:00:00:00:03"/></v:interface>
        <interface type="network"><source network="spread"/></interface>
      </devices>
    </domain>

    """
  private static let mac = MACAddress(value: 0x5254_00aa_0001)

  private func changed(_ macs: [Int: MACAddress]) throws -> String {
    var tree = try XMLTree(xml: Self.domain, limit: XMLTree.libvirtLimit)
    tree.setMACs(macs)
    return tree.xml
  }

  @Test func changesThatNICOnly() throws {
    #expect(try changed([1: Self.mac]) == Self.domain.replacing("52:54:00:00:00:02", with: "52:54:00:aa:00:01"))
  }

  @Test func givesOneToANICWithout() throws {
    #expect(
      try changed([2: Self.mac])
        == Self.domain.replacing(
          #"<interface type="network"><source"#,
          with: #"<interface type="network"><mac address="52:54:00:aa:00:01"/><source"#))
  }

  @Test func leavesAllElse() throws { #expect(try changed([3: Self.mac]) == Self.domain) }

  @Test func indexesAreThoseOfTheDescription() throws {
    let xml = try changed([0: Self.mac, 2: Self.mac]).replacing(
      "<devices>", with: "<uuid>\(String(repeating: "a", count: 32))</uuid><devices>")
    #expect(
      try GuestDescription(xml: xml).nics.map(\.mac) == [Self.mac, MACAddress("52:54:00:00:00:02"), Self.mac])
  }
}
