import PoolModel
import Testing

@testable import LibvirtXML

@Suite struct PCIAddressXMLTests {
  @Test(arguments: [
    ("0x0000", "0x01", "0x10", "0x2", "0000:01:10.2"),
    ("0", "1", "16", "2", "0000:01:10.2"),
    ("0X10000", "0xFF", "037", "07", "10000:ff:1f.7"),
  ])
  func reads(_ domain: String, _ bus: String, _ slot: String, _ function: String, _ expected: String) throws {
    let element = XMLTree.Element(
      "address",
      attributes: [.init("domain", domain), .init("bus", bus), .init("slot", slot), .init("function", function)])
    let address = try #require(PCIAddress(element))
    #expect(address.description == expected)
    #expect(PCIAddress(XMLTree.Element("address", attributes: address.attributes)) == address)
  }

  @Test(arguments: ["", "0x", "x1", "0x-1", "-1", "+1", "0x+1", "08", "1 ", "0x100", "256", "１"])
  func refusesBus(_ bus: String) {
    let element = XMLTree.Element(
      "address", attributes: [.init("bus", bus), .init("slot", "1"), .init("function", "0")])
    #expect(PCIAddress(element) == nil)
  }
}
