/// One condition or assignment of a udev rule: `ATTR{address}=="52:54:00:aa:00:01"`.
struct UdevToken: Hashable {
  /// `ATTR`
  var key: String
  /// What stands in the braces.
  var attribute: String?
  /// `==`, `!=`, `=`, `+=`, `-=` or `:=`
  var operation: String
  /// Without its quotes.
  var value: String
  var ignoresCase = false

  var isCondition: Bool { operation == "==" || operation == "!=" }

  var text: String { "\(key)\(attribute.map { "{\($0)}" } ?? "")\(operation)\"\(value)\"" }

  /// Whether one of the alternatives in a condition's value hits (`|` stands between them).
  func match(_ hits: (String) -> Match) -> Match {
    let hit = value.split(separator: "|", omittingEmptySubsequences: false)
      .map { hits(ignoresCase ? $0.lowercased() : String($0)) }.any
    return operation == "!=" ? !hit : hit
  }

  /// The tokens of a rule, up to where it can't be read.
  static func all(in rule: String) -> [UdevToken] {
    var tokens: [UdevToken] = []
    var rest = rule[...]
    while let token = take(from: &rest) { tokens.append(token) }
    return tokens
  }

  private static func take(from rest: inout Substring) -> UdevToken? {
    rest = rest.drop { $0 == "," || $0.isWhitespace }
    let key = rest.prefix { $0.isLetter || $0 == "_" }
    guard !key.isEmpty else { return nil }
    rest = rest.dropFirst(key.count)
    var attribute: String?
    if rest.first == "{" {
      guard let end = rest.firstIndex(of: "}") else { return nil }
      attribute = String(rest[rest.index(after: rest.startIndex)..<end])
      rest = rest[end...].dropFirst()
    }
    rest = rest.drop { $0.isWhitespace }
    let operation = rest.prefix { "=!+-:".contains($0) }
    guard ["==", "!=", "=", "+=", "-=", ":="].contains(operation) else { return nil }
    rest = rest.dropFirst(operation.count).drop { $0.isWhitespace }
    let marks = rest.prefix { $0 == "e" || $0 == "i" }
    rest = rest.dropFirst(marks.count)
    guard rest.first == "\"" else { return nil }
    rest = rest.dropFirst()
    var value = ""
    while let character = rest.popFirst() {
      if character == "\"" {
        return UdevToken(
          key: String(key), attribute: attribute, operation: String(operation), value: value,
          ignoresCase: marks.contains("i"))
      }
      if character == "\\", rest.first == "\"" {
        value.append("\"")
        rest = rest.dropFirst()
      } else {
        value.append(character)
      }
    }
    return nil
  }
}
