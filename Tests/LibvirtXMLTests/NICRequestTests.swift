import PoolModel
import Testing

@testable import LibvirtXML

@Suite struct NICRequestTests {
  private let mac = MACAddress(value: 0x5254_0000_0001)
  private let vf = PCIAddress(bus: 1, slot: 0x10, function: 4)

  @Test func aVFWithAllThatANICCanHave() {
    let request = NICRequest(
      source: .vf(vf, managed: true), mac: mac, vlan: 42, virtualPort: VirtualPort(profile: "web&db"),
      persistentAlias: "ua-a")
    #expect(
      request.xml == """
        <interface type="hostdev" managed="yes"><mac address="52:54:00:00:00:01"/><driver name="vfio"/>\
        <source><address type="pci" domain="0x0000" bus="0x01" slot="0x10" function="0x4"/></source>\
        <vlan><tag id="42"/></vlan>\
        <virtualport type="802.1Qbh"><parameters profileid="web&amp;db"/></virtualport>\
        <teaming type="transient" persistent="ua-a"/></interface>
        """)
  }

  @Test func aDefinitionNamesThePool() {
    let request = NICRequest(source: .network(name: "a", portgroup: "p"), mac: mac)
    #expect(
      request.xml == """
        <interface type="network"><mac address="52:54:00:00:00:01"/><source network="a" portgroup="p"/></interface>
        """)
  }

  @Test func aPlainDevice() throws {
    #expect(
      vf.hostdevXML == """
        <hostdev mode="subsystem" type="pci" managed="yes"><driver name="vfio"/>\
        <source><address domain="0x0000" bus="0x01" slot="0x10" function="0x4"/></source></hostdev>
        """)
    #expect(PCIAddress(hostdev: try XMLTree(xml: vf.hostdevXML, limit: 1000).root) == vf)
  }

  @Test func whatThePoolsNetworkAsksFor() throws {
    let netdef = try Netdef(
      libvirtXML: """
        <network><name>a</name><forward mode='hostdev'><pf dev='enp1s0'/></forward>
          <vlan><tag id='1'/></vlan>
          <virtualport type='802.1Qbh'><parameters profileid='all'/></virtualport>
          <portgroup name='trunk' default='yes'><vlan trunk='yes'><tag id='1'/><tag id='2'/></vlan></portgroup>
          <portgroup name='bridge'><virtualport type='802.1Qbg'/></portgroup>
          <portgroup name='plain'/></network>
        """)
    #expect(netdef.virtualPort(portgroup: "plain") == VirtualPort(profile: "all"))
    #expect(netdef.virtualPort(portgroup: "bridge") == VirtualPort(type: "802.1Qbg", profile: nil))
    #expect(netdef.isTrunk(portgroup: "trunk") && netdef.isTrunk(portgroup: nil))
    #expect(!netdef.isTrunk(portgroup: "plain"))
  }
}
