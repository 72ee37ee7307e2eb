import Sysfs

/// Reads as much of YAML as configuration files have: mappings and sequences by indentation or in brackets, plain and
/// quoted scalars, the first document of a file. Text in blocks (`|`, `>`) is read over, not kept; aliases,
/// merges and keys that aren't scalars are problems.
struct YAMLReader {
  private struct Line {
    /// Counted from 1.
    var number: Int
    var indent: Int
    /// Without comments and white space around it.
    var text: String
  }

  /// Deeper ones are no configuration, and would fill the stack.
  static let deepest = 32

  private var lines: [Line] = []
  private var place = 0

  /// Fails with what it can't read.
  static func read(_ lines: [String]) throws(YAMLProblem) -> YAMLNode {
    var reader = YAMLReader()
    for (number, line) in lines.enumerated() {
      if line.hasPrefix("---") || line.hasPrefix("...") {
        if reader.lines.isEmpty { continue } else { break }
      }
      let text = withoutComment(line).trimmed
      if text.isEmpty || line.hasPrefix("%") { continue }
      reader.lines.append(Line(number: number + 1, indent: line.prefix { $0 == " " }.count, text: text))
      if line.drop(while: { $0 == " " }).first == "\t" { reader.lines[reader.lines.count - 1].text = "\t" + text }
    }
    guard !reader.lines.isEmpty else { return .scalar("") }
    let node = try reader.node(depth: 0)
    if let rest = reader.next {
      throw YAMLProblem(line: rest.number, text: "it doesn't belong to what stands above it")
    }
    return node
  }

  private var next: Line? { place < lines.count ? lines[place] : nil }

  private mutating func node(depth: Int) throws(YAMLProblem) -> YAMLNode {
    guard let line = next else { return .scalar("") }
    if depth > Self.deepest { throw YAMLProblem(line: line.number, text: "it is nested too deeply") }
    if line.text.hasPrefix("\t") { throw YAMLProblem(line: line.number, text: "it is indented by a tab") }
    if Self.isItem(line.text) { return try sequence(indent: line.indent, depth) }
    if Self.keyed(line.text) != nil { return try mapping(indent: line.indent, depth) }
    place += 1
    return try value(line.text, line, depth)
  }

  private mutating func sequence(indent: Int, _ depth: Int) throws(YAMLProblem) -> YAMLNode {
    var nodes: [YAMLNode] = []
    while let line = next, line.indent == indent, Self.isItem(line.text) {
      let rest = line.text.dropFirst().drop { $0 == " " }
      if rest.isEmpty {
        place += 1
        nodes.append(try below(indent, depth))
      } else {
        // What follows the dash is a line of its own, as far to the right as it stands.
        lines[place].indent += line.text.count - rest.count
        lines[place].text = String(rest)
        nodes.append(try node(depth: depth + 1))
      }
    }
    return .sequence(nodes)
  }

  private mutating func mapping(indent: Int, _ depth: Int) throws(YAMLProblem) -> YAMLNode {
    var pairs: [YAMLNode.Pair] = []
    while let line = next, line.indent == indent, !Self.isItem(line.text) {
      guard !line.text.hasPrefix("\t") else { throw YAMLProblem(line: line.number, text: "it is indented by a tab") }
      guard let (key, rest) = Self.keyed(line.text) else {
        throw YAMLProblem(line: line.number, text: "there is no key")
      }
      if key == "<<" || key.hasPrefix("?") || key.hasPrefix("*") {
        throw YAMLProblem(line: line.number, text: "keys like “\(key.shortened)” aren't read here")
      }
      place += 1
      let node: YAMLNode
      if rest.isEmpty, let after = next, after.indent == indent, Self.isItem(after.text) {
        node = try sequence(indent: indent, depth + 1)
      } else {
        node = try value(rest, line, depth)
      }
      pairs.append(YAMLNode.Pair(key: key, line: line.number, value: node))
    }
    if let line = next, line.indent > indent {
      throw YAMLProblem(line: line.number, text: "it is indented more than what stands above it")
    }
    return .mapping(pairs)
  }

  /// What stands further to the right; a null when nothing does.
  private mutating func below(_ indent: Int, _ depth: Int) throws(YAMLProblem) -> YAMLNode {
    guard let line = next, line.indent > indent else { return .scalar("") }
    return try node(depth: depth + 1)
  }

  /// What stands behind a key or a dash in a line, and below it. The line itself is passed already.
  private mutating func value(_ text: String, _ line: Line, _ depth: Int) throws(YAMLProblem) -> YAMLNode {
    var text = text
    // Anchors and tags.
    while text.hasPrefix("&") || text.hasPrefix("!") { text = text.drop { !$0.isWhitespace }.trimmed }
    switch text.first {
    case nil: return try below(line.indent, depth)
    case "*": throw YAMLProblem(line: line.number, text: "aliases aren't read here")
    case "|", ">":
      passLines(below: line.indent)
      return .scalar(text)
    case "{", "[", "\"", "'":
      var flow = YAMLFlow(text, line: line.number)
      while true {
        if let node = try flow.read(depth: depth) { return node }
        guard let more = next, more.indent > 0 || "}]".contains(more.text.first ?? " ") else {
          throw YAMLProblem(line: line.number, text: "what begins here doesn't end")
        }
        place += 1
        flow.append(more.text)
      }
    default:
      // A plain text may go on in lines further to the right; there are no keys in them.
      while let more = next, more.indent > line.indent, Self.keyed(more.text) == nil {
        place += 1
        text += " " + more.text
      }
      return .scalar(text)
    }
  }

  private mutating func passLines(below indent: Int) { while let line = next, line.indent > indent { place += 1 } }

  private static func isItem(_ text: String) -> Bool { text == "-" || text.hasPrefix("- ") }

  /// The key of a line, without its quotes, and what stands behind its colon. A colon within a word (a MAC's) ends no
  /// key.
  private static func keyed(_ text: String) -> (key: String, rest: String)? {
    guard let first = text.first, first != "{", first != "[" else { return nil }
    var place = text.startIndex
    if first == "\"" || first == "'" {
      guard let end = text.dropFirst().firstIndex(of: first) else { return nil }
      place = text.index(after: end)
      guard place < text.endIndex, text[place] == ":" else { return nil }
    }
    while let colon = text[place...].firstIndex(of: ":") {
      place = text.index(after: colon)
      if place == text.endIndex || text[place].isWhitespace {
        return (text[..<colon].trimmed.unquoted, text[place...].trimmed)
      }
    }
    return nil
  }

  private static func withoutComment(_ line: String) -> Substring {
    var quote: Character?
    var before: Character = " "
    for place in line.indices {
      let character = line[place]
      if quote != nil {
        if character == quote && !(quote == "\"" && before == "\\") { quote = nil }
      } else if character == "#", before.isWhitespace {
        return line[..<place]
      } else if character == "\"" || character == "'", before.isWhitespace || "[{,:".contains(before) {
        quote = character
      }
      before = character
    }
    return line[...]
  }
}
