import Foundation
import PoolModel
import Testing

struct MACAddressTests {
  @Test(arguments: [
    ("52:54:00:aa:00:01", 0x5254_00aa_0001), ("52:54:00:AA:0f:01", 0x5254_00aa_0f01), ("00:00:00:00:00:00", 0),
    ("ff:ff:ff:ff:ff:ff", 0xffff_ffff_ffff),
  ])
  func reads(text: String, value: UInt64) throws {
    let mac = try #require(MACAddress(text))
    #expect(mac.value == value)
    #expect(mac.description == text.lowercased())
    #expect(MACAddress(octets: mac.octets) == mac)
  }

  @Test(arguments: [
    "", "52:54:00:aa:00", "52:54:00:aa:00:01:02", "52:54:00:aa:00:1", "52:54:00:aa:00:001", "52-54-00-aa-00-01",
    "525400aa0001", "52:54:00:aa:00:0g", "52:54:00:aa:00:", ":52:54:00:aa:00:01", "52:54:00:aa:00:01:",
    "52:54::aa:00:01",
    "+2:54:00:aa:00:01", "52:54:00:aa:00:01 ", "５2:54:00:aa:00:01",
  ])
  func refuses(text: String) { #expect(MACAddress(text) == nil) }

  @Test(arguments: [[], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7]] as [[UInt8]]) func needsSixOctets(octets: [UInt8]) {
    #expect(MACAddress(octets: octets) == nil)
  }

  @Test func dropsWhatIsTooMuch() { #expect(MACAddress(value: 0xabcd_5254_00aa_0001).value == 0x5254_00aa_0001) }

  @Test(arguments: [
    ("00:00:00:00:00:00", true, false), ("52:54:00:aa:00:01", false, false), ("01:00:5e:00:00:01", false, true),
    ("ff:ff:ff:ff:ff:ff", false, true), ("02:00:00:00:00:00", false, false),
  ])
  func knowsItsKind(text: String, isZero: Bool, isMulticast: Bool) throws {
    let mac = try #require(MACAddress(text))
    #expect(mac.isZero == isZero)
    #expect(mac.isMulticast == isMulticast)
  }

  @Test func isTextInJSON() throws {
    let mac = MACAddress(value: 0x5254_00aa_0001)
    let data = try JSONEncoder().encode([mac])
    #expect(String(decoding: data, as: UTF8.self) == #"["52:54:00:aa:00:01"]"#)
    #expect(try JSONDecoder().decode([MACAddress].self, from: data) == [mac])
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([MACAddress].self, from: Data(#"["x"]"#.utf8)) }
  }
}
