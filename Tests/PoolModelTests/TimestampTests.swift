import Foundation
import PoolModel
import Testing

struct TimestampTests {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"), (999_999_999_999, "2001-09-09T01:46:39.999Z"),
    (951_782_400_000, "2000-02-29T00:00:00.000Z"), (951_868_799_999, "2000-02-29T23:59:59.999Z"),
    (951_868_800_000, "2000-03-01T00:00:00.000Z"), (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
    (1_735_689_599_999, "2024-12-31T23:59:59.999Z"), (2_147_483_648_000, "2038-01-19T03:14:08.000Z"),
    (4_107_542_399_999, "2100-02-28T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    (1_795_531_913_120, "2026-11-24T14:51:53.120Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
  ])
  func knownInstants(milliseconds: Int64, text: String) {
    #expect(Timestamp(milliseconds: milliseconds).description == text)
    #expect(Timestamp(text)?.milliseconds == milliseconds)
  }

  @Test(arguments: [(-1, "1969-12-31T23:59:59.999Z"), (-62_135_596_800_000, "1-01-01T00:00:00.000Z")])
  func writesEarlierOnesToo(milliseconds: Int64, text: String) {
    #expect(Timestamp(milliseconds: milliseconds).description == text)
  }

  @Test func everyDayOfFourCenturiesComesBack() {
    var wrong: [Int64] = []
    for day in Int64(0)..<146_097 {
      let time = Timestamp(milliseconds: day * 86_400_000 + 43_200_001)
      if Timestamp(time.description) != time { wrong.append(day) }
    }
    #expect(wrong.isEmpty)
  }

  @Test func agreesWithFoundation() throws {
    for milliseconds in stride(from: Int64(0), to: 8_000_000_000_000, by: 7_777_777_777_000) {
      let date = Date(timeIntervalSince1970: Double(milliseconds / 1000))
      #expect(Timestamp(date.ISO8601Format())?.milliseconds == milliseconds / 1000 * 1000)
    }
  }

  @Test(arguments: [
    ("2026-11-24", "2026-11-24T00:00:00.000Z"), ("2026-11-24Z", "2026-11-24T00:00:00.000Z"),
    ("2026-11-24T14:51", "2026-11-24T14:51:00.000Z"), ("2026-11-24 14:51", "2026-11-24T14:51:00.000Z"),
    ("2026-11-24t14:51:53z", "2026-11-24T14:51:53.000Z"), ("2026-11-24T14:51:53.1Z", "2026-11-24T14:51:53.100Z"),
    ("2026-11-24T14:51:53.12Z", "2026-11-24T14:51:53.120Z"),
    ("2026-11-24T14:51:53.1239999Z", "2026-11-24T14:51:53.123Z"), ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
    ("2024-02-29", "2024-02-29T00:00:00.000Z"),
  ])
  func readsShorterForms(text: String, expected: String) { #expect(Timestamp(text)?.description == expected) }

  @Test(arguments: [
    "", "Z", "T", "now", "2026", "2026-11", "2026-11-", "2026-11-24-", "2026-11-24-01", "2026-x-11-24", "26-11-24",
    "2026-1-24", "2026-11-4", "1969-12-31", "2026-00-01", "2026-13-01", "2026-01-00", "2026-01-32", "2026-02-29",
    "2100-02-29", "2026-04-31", "+2026-11-24", "2026-+1-24", " 2026-11-24", "2026-11-24 ", "2026-11-24T", "T14:51",
    "2026-11-24T14", "2026-11-24T24:00", "2026-11-24T14:60", "2026-11-24T14:51:61", "2026-11-24T4:51",
    "2026-11-24T14:51:5", "2026-11-24T14:51:", "2026-11-24T14:51:53.", "2026-11-24T14:51:53.x",
    "2026-11-24T14:51:53.1x",
    "2026-11-24T14:51:53.1234x", "2026-11-24T14:51:53.1.2", "2026-11-24T14:51:1e1", "2026-11-24T14:51:+5",
    "2026-11-24T14:51:53.-1", "2026-11-24T14:51:53+01:00", "2026-11-24T14:51-05", "2026-11-24T14:51:53ZZ",
    "2026-11-24T14:51T", "10000-01-01", "２026-11-24",
  ])
  func refuses(text: String) { #expect(Timestamp(text) == nil) }

  @Test(arguments: [
    ("2026-11-24T14:51:53.120Z", 1, "2026-10-24T14:51:53.120Z"),
    ("2026-11-24T14:51:53.120Z", 0, "2026-11-24T14:51:53.120Z"),
    ("2026-11-24T14:51:53.120Z", 11, "2025-12-24T14:51:53.120Z"),
    ("2026-11-24T14:51:53.120Z", 13, "2025-10-24T14:51:53.120Z"),
    ("2026-01-31T00:00:00.000Z", 1, "2025-12-31T00:00:00.000Z"),
    ("2026-03-31T23:59:59.999Z", 1, "2026-02-28T23:59:59.999Z"),
    ("2024-03-30T00:00:00.000Z", 1, "2024-02-29T00:00:00.000Z"),
    ("2026-12-31T12:00:00.000Z", 1, "2026-11-30T12:00:00.000Z"),
    ("2026-11-24T14:51:53.120Z", 12_000, "1026-11-24T14:51:53.120Z"),
  ])
  func goesBackByCalendarMonths(text: String, months: Int, expected: String) throws {
    #expect(try #require(Timestamp(text)).earlier(months: months).description == expected)
  }

  @Test func ordersByTime() {
    #expect(Timestamp(milliseconds: -5) < Timestamp(milliseconds: 3))
    #expect(!(Timestamp(milliseconds: 3) < Timestamp(milliseconds: 3)))
  }

  @Test func isTextInJSON() throws {
    let time = Timestamp(milliseconds: 1_795_531_913_120)
    let data = try JSONEncoder().encode([time])
    #expect(String(decoding: data, as: UTF8.self) == #"["2026-11-24T14:51:53.120Z"]"#)
    #expect(try JSONDecoder().decode([Timestamp].self, from: data) == [time])
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([Timestamp].self, from: Data(#"["x"]"#.utf8)) }
  }
}
