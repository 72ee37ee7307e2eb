/// A value as JSON whose names stand in the order in which the type declares them.
///
/// Foundation's encoder orders names at random or by the alphabet; people and `diff` want the declared order. Names of
/// dictionaries are sorted.
public struct JSONText {
  private let root: JSONNode

  public init(_ value: some Encodable) {
    let slot = JSONSlot()
    slot.fill(value, path: [])
    root = slot.node
  }

  /// Without a blank or a line break.
  public var compact: String {
    var text = ""
    root.write(to: &text, indent: nil)
    return text
  }

  /// Two blanks a level, no line break at the end.
  public var pretty: String {
    var text = ""
    root.write(to: &text, indent: 0)
    return text
  }
}

/// A JSON value under construction.
enum JSONNode {
  case null
  case literal(String)
  case string(String)
  case array([JSONSlot])
  case object([(name: String, value: JSONSlot)])

  func write(to text: inout String, indent: Int?) {
    switch self {
    case .null: text += "null"
    case .literal(let literal): text += literal
    case .string(let string): Self.quote(string, to: &text)
    case .array(let slots):
      Self.list(slots, "[", "]", to: &text, indent: indent) { $0.node.write(to: &$1, indent: $2) }
    case .object(let members):
      Self.list(members, "{", "}", to: &text, indent: indent) { member, text, indent in
        Self.quote(member.name, to: &text)
        text += indent == nil ? ":" : ": "
        member.value.node.write(to: &text, indent: indent)
      }
    }
  }

  private static func list<Element>(
    _ elements: [Element], _ open: String, _ close: String, to text: inout String, indent: Int?,
    element write: (Element, inout String, Int?) -> Void
  ) {
    let inner = indent.map { $0 + 2 }
    text += open
    for (position, element) in elements.enumerated() {
      if position > 0 { text += "," }
      if let inner { text += "\n" + String(repeating: " ", count: inner) }
      write(element, &text, inner)
    }
    if let indent, !elements.isEmpty { text += "\n" + String(repeating: " ", count: indent) }
    text += close
  }

  static func quote(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        text += scalar.value < 0x10 ? "\\u000" : "\\u00"
        text += String(scalar.value, radix: 16)
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
