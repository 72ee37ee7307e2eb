import Sysfs

/// A value of YAML in brackets or quotes, as `{a: 1, b: [x, "y"]}`, which may go over several lines.
struct YAMLFlow {
  private var text: [Character]
  private let line: Int
  private var place = 0

  /// `line`: where it begins, counted from 1.
  init(_ text: String, line: Int) {
    self.text = Array(text)
    self.line = line
  }

  mutating func append(_ text: String) { self.text += [" "] + Array(text) }

  /// Nil when it goes on in the next line. `depth`: how deep in the document it stands.
  mutating func read(depth: Int) throws(YAMLProblem) -> YAMLNode? {
    place = 0
    guard let node = try node(depth) else { return nil }
    guard next == nil else { throw problem("there is more behind its end") }
    return node
  }

  private func problem(_ text: String) -> YAMLProblem { YAMLProblem(line: line, text: text) }

  private var next: Character? {
    mutating get {
      while place < text.count, text[place].isWhitespace { place += 1 }
      return place < text.count ? text[place] : nil
    }
  }

  /// Nil here and below: the text ends too early.
  private mutating func node(_ depth: Int) throws(YAMLProblem) -> YAMLNode? {
    if depth > YAMLReader.deepest { throw problem("it is nested too deeply") }
    switch next {
    case nil: return nil
    case "{": return try mapping(depth)
    case "[": return try sequence(depth)
    case "*": throw problem("aliases aren't read here")
    default: return scalar().map { .scalar($0) }
    }
  }

  private mutating func mapping(_ depth: Int) throws(YAMLProblem) -> YAMLNode? {
    place += 1
    var pairs: [YAMLNode.Pair] = []
    while let character = next {
      if character == "}" {
        place += 1
        return .mapping(pairs)
      }
      guard !"{[]".contains(character) else { throw problem("a key is expected before “\(character)”") }
      guard let key = scalar(), let after = next else { return nil }
      var value = YAMLNode.scalar("")
      if after == ":" {
        place += 1
        guard let end = next else { return nil }
        if !",}".contains(end) {
          guard let node = try node(depth + 1) else { return nil }
          value = node
        }
      }
      pairs.append(YAMLNode.Pair(key: key, line: line, value: value))
      guard try passComma(before: "}") else { return nil }
    }
    return nil
  }

  private mutating func sequence(_ depth: Int) throws(YAMLProblem) -> YAMLNode? {
    place += 1
    var nodes: [YAMLNode] = []
    while let character = next {
      if character == "]" {
        place += 1
        return .sequence(nodes)
      }
      guard let node = try node(depth + 1) else { return nil }
      nodes.append(node)
      guard try passComma(before: "]") else { return nil }
    }
    return nil
  }

  /// False: the text ends too early.
  private mutating func passComma(before end: Character) throws(YAMLProblem) -> Bool {
    guard let character = next else { return false }
    if character == end { return true }
    guard character == "," else { throw problem("a comma is expected before “\(character)”") }
    place += 1
    return true
  }

  private mutating func scalar() -> String? {
    guard let quote = next else { return nil }
    if quote == "\"" || quote == "'" {
      guard let end = text[(place + 1)...].indices.first(where: { text[$0] == quote && text[$0 - 1] != "\\" }) else {
        return nil
      }
      defer { place = end + 1 }
      return String(text[(place + 1)..<end])
    }
    let start = place
    while place < text.count, !",{}[]".contains(text[place]) {
      // A colon within a word ends no key.
      if text[place] == ":", place + 1 == text.count || text[place + 1].isWhitespace || ",}]".contains(text[place + 1])
      {
        break
      }
      place += 1
    }
    return String(text[start..<place]).trimmed
  }
}
