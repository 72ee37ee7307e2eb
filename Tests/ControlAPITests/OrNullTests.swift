import ControlAPI
import Foundation
import Testing

@Suite struct OrNullTests {
  struct Row: Codable, Hashable {
    var name = "x"
    @OrNull var count: Int?
  }

  static let rows: [(String, Int?)] = [
    (#"{"name":"x"}"#, nil), (#"{"name":"x","count":null}"#, nil), (#"{"name":"x","count":3,"more":1}"#, 3),
  ]

  @Test(arguments: rows)
  func missingAndNullAreAbsent(json: String, count: Int?) throws {
    #expect(try JSONDecoder().decode(Row.self, from: Data(json.utf8)).count == count)
  }

  @Test func aWrongTypeIsNotAbsent() {
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Row.self, from: Data(#"{"name":"x","count":"3"}"#.utf8))
    }
  }

  @Test func absentIsWrittenAsNull() throws {
    #expect(String(decoding: try JSONEncoder().encode(Row()), as: UTF8.self).contains(#""count":null"#))
  }
}
