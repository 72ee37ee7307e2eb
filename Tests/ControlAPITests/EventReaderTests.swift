import Foundation
import PoolModel
import Testing

@testable import ControlAPI

struct EventReaderTests {
  static let stream =
    "retry: 2000\n\nid: 7\nevent: drift\ndata: {\"a\": 1}\n\n: \n\nid: 8\nevent: lost\ndata: {}\n\ndata: {"

  @Test(arguments: 1...9) func eventsAreReadFromBytesInAnyPieces(size: Int) {
    var reader = EventReader()
    var messages: [EventReader.Message] = []
    let bytes = Array(Self.stream.utf8)
    for start in stride(from: 0, to: bytes.count, by: size) {
      messages += reader.feed(Array(bytes[start..<min(start + size, bytes.count)]))
    }
    #expect(messages.map { String(decoding: $0.data, as: UTF8.self) } == ["{\"a\": 1}", "{}"])
    #expect(messages.map(\.row) == [nil, nil])
  }

  @Test func anEventIsARow() throws {
    let row = EventRow(
      id: 12, time: .init(milliseconds: 5), kind: "quarantined", message: "VF enp1s0/3 is quarantined", pf: "enp1s0",
      index: 3, reason: "smells")
    let data = try JSONEncoder().encode(row)
    var reader = EventReader()
    let messages = reader.feed(Array("data: ".utf8) + data + Array("\n\n".utf8))
    #expect(messages.map(\.row) == [row])
  }
}
