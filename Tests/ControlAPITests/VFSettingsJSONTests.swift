import Foundation
import PoolModel
import Testing

@testable import ControlAPI

@Suite struct VFSettingsJSONTests {
  static let texts: [(String, VFSettings)] = [
    ("{}", VFSettings()),
    (#"{"trust":true,"maxTxRate":500}"#, VFSettings(trust: true, maxTxRate: 500)),
    (#"{"trust":null}"#, VFSettings()),
    (#"{"vlan":null}"#, VFSettings(vlan: .untagged)),
    (#"{"vlan":7}"#, VFSettings(vlan: .tagged(VLANTag(id: 7)))),
    (
      #"{"vlan":4094,"qos":7,"vlanProto":"802.1ad"}"#,
      VFSettings(vlan: .tagged(VLANTag(id: 4094, qos: 7, proto: .dot1ad)))
    ),
  ]

  @Test(arguments: texts)
  func isReadAndWritten(json: String, settings: VFSettings) throws {
    #expect(try JSONDecoder().decode(VFSettingsJSON.self, from: Data(json.utf8)).settings == settings)
    let written = try JSONEncoder().encode(VFSettingsJSON(settings))
    #expect(try JSONDecoder().decode(VFSettingsJSON.self, from: written).settings == settings)
  }

  @Test(arguments: [
    (#"{"qos":1}"#, "need a vlan"),
    (#"{"vlan":null,"vlanProto":"802.1Q"}"#, "need a vlan"), (#"{"vlan":7,"vlanProto":"QinQ"}"#, "QinQ"),
    (#"{"trusted":true}"#, "no field “trusted”, only linkState, mac,"),
  ])
  func whatIsNoneIsRefused(json: String, why: String) {
    #expect {
      try JSONDecoder().decode(VFSettingsJSON.self, from: Data(json.utf8))
    } throws: {
      "\($0)".contains(why)
    }
  }

  @Test func bodiesDoWithWhatTheyNeed() throws {
    let decoder = JSONDecoder()
    let change = try decoder.decode(VFChange.self, from: Data(#"{"settings":{"trust":true}}"#.utf8))
    #expect(change == VFChange(settings: VFSettings(trust: true)))
    let attachment = try decoder.decode(GuestAttachment.self, from: Data(#"{"pool":"p"}"#.utf8))
    #expect(attachment == GuestAttachment(pool: "p"))
    let detachment = try decoder.decode(GuestDetachment.self, from: Data(#"{"device":"0000:01:10.0"}"#.utf8))
    #expect(detachment == GuestDetachment(device: "0000:01:10.0", timeout: 30))
    for json in [#"{"pool":"p","macs":[]}"#, #"{"settings":{},"force":true}"#] {
      #expect(throws: DecodingError.self) { try decoder.decode(GuestAttachment.self, from: Data(json.utf8)) }
      #expect(throws: DecodingError.self) { try decoder.decode(GuestDetachment.self, from: Data(json.utf8)) }
      #expect(throws: DecodingError.self) { try decoder.decode(VFChange.self, from: Data(json.utf8)) }
    }
  }
}
