import LibvirtXML
import PoolModel
import Testing

@Suite struct NetworkHookInputTests {
  static let network = """
    <network connections='1'>
      <name>tenant "a" &amp; b</name>
      <uuid>81FF0D90-c91e-6742-64da-4a736edb9a9b</uuid>
      <forward mode='hostdev' managed='yes'>
        <address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x0' connections='1'/>
      </forward>
    </network>
    """
  let port = NetworkPort(
    uuid: "0a0a0a0a-1111-4222-8333-444444444444",
    owner: GuestID(name: "a1", uuid: "5d1f3a57-6b0e-4d4b-9d0e-3f2f8c8f0a01"),
    mac: MACAddress(value: 0x5254_00aa_0001), portgroup: "finance", vf: PCIAddress(bus: 1, slot: 0x10, function: 0))

  @Test func readsNetworkAndPort() throws {
    let input = try NetworkHookInput(xml: "<hookData>\n\(Self.network)\n\(port.xml)\n</hookData>")
    #expect(
      input
        == NetworkHookInput(
          networkName: "tenant \"a\" & b", networkUUID: "81ff0d90-c91e-6742-64da-4a736edb9a9b", port: port))
  }

  @Test func readsNetworkAlone() throws {
    let input = try NetworkHookInput(bytes: Array("<hookData>\(Self.network)</hookData>".utf8))
    #expect(input.port == nil)
    #expect(input.networkUUID != nil)
  }

  @Test(arguments: [
    "<hookData/>", network, "<hookData><network/></hookData>", "<hookData><network><name/></network></hookData>", "-",
    "",
    "<hookData>\(network)<networkport/></hookData>",
  ])
  func refuses(_ xml: String) {
    #expect(throws: XMLProblem.self) { try NetworkHookInput(xml: xml) }
  }
}
