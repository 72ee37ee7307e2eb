import ControlAPI
import Foundation
import PoolModel
import Testing

@Suite struct JSONTextTests {
  struct Mixed: Codable, Hashable {
    var zebra = 1
    var apple = "é\"\\\n\u{1}/"
    var list = [1, 2]
    var none: [Int] = []
    var map = ["b": true, "a": false]
    var nested = Inner()
    @OrNull var absent: Int?
    var left: Int?
    struct Inner: Codable, Hashable { var rate = 0.5 }
  }

  @Test func namesStandInDeclaredOrderAndDictionariesAreSorted() {
    #expect(
      JSONText(Mixed()).compact
        == #"{"zebra":1,"apple":"é\"\\\n\u0001/","list":[1,2],"none":[],"map":{"a":false,"b":true},"#
        + #""nested":{"rate":0.5},"absent":null}"#)
  }

  @Test func prettyHasTwoBlanksALevel() {
    #expect(
      JSONText([["a": 1], [:]]).pretty == """
        [
          {
            "a": 1
          },
          {}
        ]
        """)
  }

  @Test func foundationReadsItBack() throws {
    for text in [JSONText(Mixed()).compact, JSONText(Mixed()).pretty] {
      #expect(try JSONDecoder().decode(Mixed.self, from: Data(text.utf8)) == Mixed())
    }
    let tag = VFSettings(vlan: .tagged(VLANTag(id: 7, qos: 3, proto: .dot1ad)), trust: true)
    let change = VFChange(settings: tag, disrupt: ["a1"])
    #expect(try JSONDecoder().decode(VFChange.self, from: Data(JSONText(change).compact.utf8)) == change)
  }
}
