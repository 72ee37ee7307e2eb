/// Takes messages out of a stream, a line each, from bytes that come in any pieces.
struct MessageSplitter {
  /// The most bytes of one message.
  let limit: Int
  private var buffer: [UInt8] = []
  /// Before it there is no end of a line.
  private var searched = 0

  init(limit: Int) { self.limit = limit }

  /// The messages that are whole now, without empty lines. Throws `.tooLarge` for one that is longer than the limit.
  mutating func feed(_ bytes: some Sequence<UInt8>) throws(EtcdError) -> [[UInt8]] {
    buffer += bytes
    var messages: [[UInt8]] = []
    var start = 0
    while let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
      guard end - start <= limit else { throw tooLarge }
      if end > start { messages.append(Array(buffer[start..<end])) }
      start = end + 1
      searched = start
    }
    // A long message's room is not kept.
    if start == buffer.count { buffer = [] } else { buffer.removeFirst(start) }
    searched = buffer.count
    guard buffer.count <= limit else { throw tooLarge }
    return messages
  }

  private var tooLarge: EtcdError { .tooLarge("a message of more than \(limit) bytes") }
}
