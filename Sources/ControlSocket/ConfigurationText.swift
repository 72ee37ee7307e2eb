/// The settings in a configuration file's text: lines `key = value`, `#` starts a comment, other lines are passed over.
public struct ConfigurationText: Sequence, Sendable {
  private let settings: [(key: String, value: String)]

  public init(_ text: String) {
    settings = text.split(whereSeparator: \.isNewline).compactMap { line in
      let halves = line.prefix { $0 != "#" }.split(separator: "=", maxSplits: 1).map(Self.trimmed)
      return halves.count == 2 && !halves[0].isEmpty && !halves[1].isEmpty ? (halves[0], halves[1]) : nil
    }
  }

  public func makeIterator() -> some IteratorProtocol<(key: String, value: String)> { settings.makeIterator() }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
