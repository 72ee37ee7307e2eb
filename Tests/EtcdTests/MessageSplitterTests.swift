import Testing

@testable import Etcd

struct MessageSplitterTests {
  private static let stream =
    Array(#"{"result":{"created":true}}"#.utf8) + [10] + [10] + Array(#"{"a":"é"}"#.utf8) + [10]

  @Test func messagesComeWhereverTheStreamIsCut() throws {
    for first in 0...Self.stream.count {
      for second in first...Self.stream.count {
        var splitter = MessageSplitter(limit: 100)
        var messages: [[UInt8]] = []
        for part in [Self.stream[..<first], Self.stream[first..<second], Self.stream[second...]] {
          messages += try splitter.feed(part)
        }
        #expect(
          messages.map { String(decoding: $0, as: UTF8.self) } == [#"{"result":{"created":true}}"#, #"{"a":"é"}"#])
      }
    }
  }

  @Test func whatHasNoEndIsNoMessageYet() throws {
    var splitter = MessageSplitter(limit: 100)
    #expect(try splitter.feed(Array("a\nb".utf8)) == [Array("a".utf8)])
    #expect(try splitter.feed(Array("c".utf8)).isEmpty)
    #expect(try splitter.feed([10]) == [Array("bc".utf8)])
  }

  @Test(arguments: [1, 3, 11]) func aMessageHasABound(size: Int) throws {
    let most = [UInt8](repeating: 97, count: 10)
    var fitting = MessageSplitter(limit: 10)
    var splitter = MessageSplitter(limit: 10)
    var messages: [[UInt8]] = []
    let stream = most + [10] + most + [10]
    for start in stride(from: 0, to: stream.count, by: size) {
      messages += try fitting.feed(stream[start..<min(start + size, stream.count)])
    }
    #expect(messages == [most, most])
    #expect(throws: EtcdError.tooLarge("a message of more than 10 bytes")) {
      for start in stride(from: 0, to: 12, by: size) {
        _ = try splitter.feed((most + [97, 10])[start..<min(start + size, 12)])
      }
    }
  }
}
