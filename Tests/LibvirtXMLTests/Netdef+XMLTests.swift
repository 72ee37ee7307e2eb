import LibvirtXML
import PoolModel
import Testing

@Suite struct NetdefXMLTests {
  let addresses = ["0000:01:10.0", "0000:02:10.0", "0000:01:10.2"].compactMap { PCIAddress($0) }
  let uuid = "81ff0d90-c91e-6742-64da-4a736edb9a9b"

  @Test func keepsWhatItDoesNotKnow() throws {
    let xml = """
      <!-- ours -->
      <network xmlns:dnsmasq="http://libvirt.org/schemas/network/dnsmasq/1.0" ipv6="yes">
        <name>a "b" &amp; c</name>
        <metadata>
          <x:thing xmlns:x="urn:x" quote="&quot;'&lt;&#10;"><![CDATA[<raw> & ]]><x:y/>tail ]]&gt;</x:thing>
          <vfpool:pool xmlns:vfpool="urn:vfpool:pool:1"><vfpool:pf dev="enp1s0"/><!-- why --></vfpool:pool>
        </metadata>
        <forward mode="hostdev" managed="yes">
          <driver name="vfio"/>
        </forward>
        <future answer="42">yes</future>
        <dnsmasq:options><dnsmasq:option value="x=y"/></dnsmasq:options>
      </network>

      """
    #expect(try Netdef(xml: xml).xml() == xml)
  }

  @Test(arguments: ["passthrough", "tenant-vlan", "spread"])
  func examplesSurviveUnchanged(_ name: String) throws {
    let netdef = try Netdef(xml: Netdefs.xml(name))
    let again = try Netdef(xml: netdef.xml())
    #expect(again.pool == netdef.pool)
    #expect(again.xml() == netdef.xml())
    #expect(try netdef.xml() == Netdefs.xml(name).replacing("--><network>", with: "-->\n<network>"))
  }

  @Test func fillsTheAddressList() throws {
    let netdef = try Netdef(
      xml: """
        <network>
          <name>a</name>
          <metadata><v:pool xmlns:v="urn:vfpool:pool:1"><v:pf dev="enp1s0"/></v:pool></metadata>
          <forward mode="hostdev">
            <driver name="vfio"/>
          </forward>
        </network>
        """)
    let xml = netdef.xml(uuid: uuid, addresses: addresses)
    #expect(
      xml == """
        <network>
          <name>a</name>
          <uuid>81ff0d90-c91e-6742-64da-4a736edb9a9b</uuid>
          <metadata><v:pool xmlns:v="urn:vfpool:pool:1"><v:pf dev="enp1s0"/></v:pool></metadata>
          <forward mode="hostdev">
            <driver name="vfio"/>
            <address type="pci" domain="0x0000" bus="0x01" slot="0x10" function="0x0"/>
            <address type="pci" domain="0x0000" bus="0x02" slot="0x10" function="0x0"/>
            <address type="pci" domain="0x0000" bus="0x01" slot="0x10" function="0x2"/>
          </forward>
        </network>

        """)
    #expect(try Netdef(xml: xml).pool.addresses == addresses)
    #expect(try Netdef(xml: xml).xml(uuid: uuid, addresses: addresses) == xml)
    #expect(try Netdef(xml: xml).xml(addresses: []) == netdef.xml(uuid: uuid))
  }

  @Test func replacesListAndUUIDInPlace() throws {
    let netdef = try Netdef(
      xml: """
        <network><uuid>00000000-0000-0000-0000-000000000001</uuid><name>a</name><forward mode='hostdev'>
            <!-- first -->
            <address type='pci' bus='9' slot='1' function='0'/>
            <address type='pci' bus='9' slot='1' function='1'/>
            <driver name='vfio'/>
          </forward></network>
        """)
    #expect(
      netdef.xml(uuid: uuid, addresses: [addresses[0]]) == """
        <network><uuid>81ff0d90-c91e-6742-64da-4a736edb9a9b</uuid><name>a</name><forward mode="hostdev">
            <!-- first -->
            <address type="pci" domain="0x0000" bus="0x01" slot="0x10" function="0x0"/>
            <driver name="vfio"/>
          </forward></network>

        """)
  }

  @Test func aListReplacesLibvirtsOwnPF() throws {
    let netdef = try Netdef(xml: Netdefs.xml("passthrough"))
    #expect(netdef.xml().contains("<pf dev=\"enp1s0\"/>"))
    let xml = netdef.xml(addresses: addresses)
    #expect(!xml.contains("<pf "))
    #expect(try Netdef(xml: xml).pool.addresses == addresses)
  }

  @Test func fillsAnEmptyForward() throws {
    let netdef = try Netdef(
      xml: """
        <network><name>a</name><metadata><pool xmlns="urn:vfpool:pool:1"><pf dev="x"/></pool></metadata>
          <forward mode="hostdev"/>
        </network>
        """)
    let xml = netdef.xml(addresses: [addresses[0]])
    #expect(
      xml.contains(
        """
          <forward mode="hostdev">
            <address type="pci" domain="0x0000" bus="0x01" slot="0x10" function="0x0"/>
          </forward>
        """))
  }
}
