import Foundation
import PoolModel
import Testing

struct PCIAddressTests {
  @Test(arguments: [
    ("0000:01:10.0", PCIAddress(bus: 1, slot: 0x10, function: 0), "0000:01:10.0"),
    ("01:10.0", PCIAddress(bus: 1, slot: 0x10, function: 0), "0000:01:10.0"),
    ("ffff:FF:1f.7", PCIAddress(domain: 0xffff, bus: 0xff, slot: 31, function: 7), "ffff:ff:1f.7"),
    ("10000:e1:00.0", PCIAddress(domain: 0x10000, bus: 0xe1, slot: 0, function: 0), "10000:e1:00.0"),
    ("00010000:e1:00.0", PCIAddress(domain: 0x10000, bus: 0xe1, slot: 0, function: 0), "10000:e1:00.0"),
    ("ffffffff:00:00.0", PCIAddress(domain: .max, bus: 0, slot: 0, function: 0), "ffffffff:00:00.0"),
    ("00ab:0c:0d.1", PCIAddress(domain: 0xab, bus: 0xc, slot: 0xd, function: 1), "00ab:0c:0d.1"),
  ])
  func reads(text: String, expected: PCIAddress, written: String) throws {
    let address = try #require(PCIAddress(text))
    #expect(address == expected)
    #expect(address.description == written)
    #expect(PCIAddress(written) == address)
  }

  @Test(arguments: [
    "", "0000", "0000:01", "0000:01:10", "0000:01:10.", "0000:01:20.0", "0000:01:10.8", "0000:01:10.a", "0000:01:1.0",
    "0000:1:10.0", "000:01:10.0", "123456789:01:10.0", "0000:01:10.00", "0x0000:01:10.0", " 0000:01:10.0",
    "0000:01:10.0\n", "0000:01:10.0.0", "0:0000:01:10.0", "0000:+1:10.0", "0000:-1:10.0", ":01:10.0", "0000:01:10:0",
    "0000:0g:10.0", "0000:０１:10.0", "enp1s0/3",
  ])
  func refuses(text: String) { #expect(PCIAddress(text) == nil) }

  @Test func keepsToItsBits() {
    #expect(PCIAddress(bus: 1, slot: 0x3f, function: 9).description == "0000:01:1f.1")
  }

  @Test func ordersAsTheCardsStand() {
    let texts = [
      "0000:00:00.1", "0000:00:01.0", "0000:01:00.0", "0000:02:00.0", "0000:10:00.0", "0001:00:00.0", "10000:00:00.0",
    ]
    let addresses = texts.compactMap(PCIAddress.init)
    #expect(addresses.count == texts.count)
    #expect(addresses.reversed().sorted() == addresses)
  }

  @Test func isTextInJSON() throws {
    let address = PCIAddress(bus: 1, slot: 0x10, function: 2)
    let data = try JSONEncoder().encode([address])
    #expect(String(decoding: data, as: UTF8.self) == #"["0000:01:10.2"]"#)
    #expect(try JSONDecoder().decode([PCIAddress].self, from: data) == [address])
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([PCIAddress].self, from: Data(#"["x"]"#.utf8)) }
  }

  @Test(arguments: [
    ("pci_0000_01_10_0", "0000:01:10.0"), ("pci_10000_e1_00_7", "10000:e1:00.7"), ("01:10.0", "0000:01:10.0"),
    ("0000:01:10.0", "0000:01:10.0"), ("pci_0000_01_10", nil), ("pci_0000_01_10_8", nil), ("pci_0000_01_10_0_0", nil),
    ("pci_", nil), ("usb_1_1", nil), ("pci_0000:01:10.0", nil),
  ])
  func namesThatPeopleType(text: String, address: String?) { #expect(PCIAddress.named(text)?.description == address) }

  @Test func howOthersCallIt() {
    let address = PCIAddress(bus: 1, slot: 0x10, function: 2)
    #expect(address.libvirtName == "pci_0000_01_10_2")
    #expect(address.short == "01:10.2")
    let far = PCIAddress(domain: 0x10000, bus: 0xe1, slot: 0, function: 0)
    #expect(far.libvirtName == "pci_10000_e1_00_0")
    #expect(far.short == "10000:e1:00.0")
    #expect(PCIAddress.named(far.libvirtName) == far)
  }
}
