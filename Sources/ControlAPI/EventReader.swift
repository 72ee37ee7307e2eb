import FoundationEssentials

/// Reads server-sent events from bytes that come in any pieces.
///
/// Source: the HTML standard, “Server-sent events”; vfpoold writes one `data` line an event.
public struct EventReader: Sendable {
  /// What came as one event's data: JSON in one line.
  public struct Message: Hashable, Sendable {
    public var data: [UInt8]

    /// Nil: from a vfpoold that has events of another shape.
    public var row: EventRow? { row() }

    /// The same of other events.
    public func row<Row: Decodable>(_ type: Row.Type = Row.self) -> Row? {
      try? JSONDecoder().decode(type, from: Data(data))
    }
  }

  private var rest: [UInt8] = []
  private var data: [UInt8] = []

  public init() {}

  /// The events that are whole now.
  public mutating func feed(_ bytes: [UInt8]) -> [Message] {
    rest += bytes
    var messages: [Message] = []
    var start = rest.startIndex
    while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
      let line = rest[start..<end]
      start = end + 1
      let field = Array("data: ".utf8)
      if line.starts(with: field) {
        data += line.dropFirst(field.count)
      } else if line.isEmpty, !data.isEmpty {
        messages.append(Message(data: data))
        data = []
      }
    }
    rest.removeFirst(start)
    return messages
  }
}
