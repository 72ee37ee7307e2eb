import Glibc
import Testing

@testable import Netlink

@Suite struct MessageHeaderTests {
  private func acknowledgement(_ bytes: [UInt8]) throws -> Acknowledgement {
    let (message, next) = try #require(MessageHeader.read(WireBytes(bytes[...]), at: 0))
    #expect(next == bytes.count)
    return try #require(Acknowledgement(message))
  }

  @Test(arguments: [Recordings.refusalInFull, Recordings.refusalCapped])
  func theKernelsTextIsFound(bytes: [UInt8]) throws {
    let refusal = try acknowledgement(bytes)
    #expect(refusal.errno == EINVAL)
    #expect(refusal.text == "mtu greater than device maximum")
  }

  @Test func successHasNoText() throws {
    let done = try acknowledgement(Recordings.acknowledgement)
    #expect(done.errno == 0)
    #expect(done.text == nil)
  }

  @Test(arguments: [Recordings.refusalInFull, Recordings.refusalCapped])
  func cutAcknowledgementsLoseOnlyTheText(bytes: [UInt8]) {
    for length in 20..<bytes.count {
      var cut = Array(bytes[..<length])
      cut[0] = UInt8(length)
      let message = MessageHeader.read(WireBytes(cut[...]), at: 0)?.message
      #expect(message.flatMap { Acknowledgement($0)?.errno } == EINVAL)
    }
  }

  @Test func severalMessagesOfADatagram() throws {
    let datagram = WireBytes((Recordings.igb + Recordings.acknowledgement)[...])
    let (first, next) = try #require(MessageHeader.read(datagram, at: 0))
    let (second, end) = try #require(MessageHeader.read(datagram, at: next))
    #expect(first.type == 16)
    #expect(second.type == 2)
    #expect(second.sequence == 8)
    #expect(MessageHeader.read(datagram, at: end) == nil)
  }
}
