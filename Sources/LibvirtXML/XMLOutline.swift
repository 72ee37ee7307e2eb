/// What Foundation's parser doesn't tell about a document: on which line each start tag and each attribute stands, and
/// in which order the attributes were written.
///
/// It reads the markup's skeleton only and leaves the judgement of names, characters and matching tags to the parser.
/// It runs before the parser, so a DOCTYPE or a deep nest never gets there.
struct XMLOutline {
  struct Attribute {
    var name: String
    var line: Int
  }

  struct Tag {
    var line: Int
    var attributes: [Attribute] = []
  }

  /// In document order.
  private(set) var tags: [Tag] = []

  private let bytes: [UInt8]
  private let maximumDepth: Int
  private var at = 0
  private var line = 1
  private var depth = 0

  init(_ bytes: [UInt8], maximumDepth: Int) throws(XMLProblem) {
    self.bytes = bytes
    self.maximumDepth = maximumDepth
    try scan()
    guard !tags.isEmpty else { throw XMLProblem(.malformed, line: line, "not XML: there is no element in it") }
  }

  private mutating func scan() throws(XMLProblem) {
    while at < bytes.count {
      if bytes[at] != UInt8(ascii: "<") {
        step()
      } else if starts("<!--") {
        try skip(past: "-->", "comment")
      } else if starts("<![CDATA[") {
        try skip(past: "]]>", "CDATA section")
      } else if starts("<?") {
        try skipInstruction()
      } else if starts("<!") {
        throw XMLProblem(.doctype, line: line, "a DOCTYPE is not allowed here; libvirt's XML needs none, so remove it")
      } else if starts("</") {
        try skip(past: ">", "closing tag")
        depth -= 1
      } else {
        try scanTag()
      }
    }
  }

  private mutating func skipInstruction() throws(XMLProblem) {
    let start = at
    let startLine = line
    try skip(past: "?>", "processing instruction")
    // Foundation's parser on Linux dereferences a null pointer when there is nothing behind the target.
    if !bytes[start..<at].contains(where: Self.isSpace) {
      throw XMLProblem(.malformed, line: startLine, "a processing instruction without data; remove it")
    }
  }

  private mutating func scanTag() throws(XMLProblem) {
    var tag = Tag(line: line)
    step()
    _ = name()
    while true {
      skipSpace()
      let attributeLine = line
      switch peek {
      case nil: throw XMLProblem(.malformed, line: tag.line, "not well-formed XML: the tag is not closed")
      case UInt8(ascii: ">"):
        step()
        tags.append(tag)
        depth += 1
        if depth > maximumDepth {
          throw XMLProblem(.tooDeep, line: tag.line, "elements are nested deeper than \(maximumDepth) levels")
        }
        return
      case UInt8(ascii: "/"):
        step()
        if peek == UInt8(ascii: ">") {
          step()
          tags.append(tag)
          return
        }
      default:
        let attribute = name()
        skipSpace()
        guard !attribute.isEmpty, peek == UInt8(ascii: "=") else { throw .malformed(41, line: attributeLine) }
        step()
        skipSpace()
        guard let quote = peek, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
          throw .malformed(39, line: attributeLine)
        }
        step()
        while let byte = peek, byte != quote { step() }
        guard peek == quote else { throw .malformed(40, line: attributeLine) }
        step()
        tag.attributes.append(Attribute(name: attribute, line: attributeLine))
        // libxml2 compares each attribute of a tag with every other one.
        if tag.attributes.count > Self.maximumAttributes {
          throw XMLProblem(.tooLarge, line: tag.line, "more than \(Self.maximumAttributes) attributes on one element")
        }
      }
    }
  }

  private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func step() {
    if bytes[at] == UInt8(ascii: "\n") { line += 1 }
    at += 1
  }

  private mutating func name() -> String {
    let start = at
    while let byte = peek, !Self.isSpace(byte), !Self.endsName.contains(byte) { at += 1 }
    return String(decoding: bytes[start..<at], as: UTF8.self)
  }

  private mutating func skipSpace() {
    while let byte = peek, Self.isSpace(byte) { step() }
  }

  private func starts(_ text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard at + length <= bytes.count else { return false }
    return text.withUTF8Buffer { wanted in
      for offset in 0..<length where bytes[at + offset] != wanted[offset] { return false }
      return true
    }
  }

  private mutating func skip(past end: StaticString, _ what: String) throws(XMLProblem) {
    let start = line
    while at < bytes.count {
      if starts(end) {
        at += end.utf8CodeUnitCount
        return
      }
      step()
    }
    throw XMLProblem(.malformed, line: start, "not well-formed XML: the \(what) is not closed")
  }

  private static let maximumAttributes = 1000
  private static let endsName: [UInt8] = [UInt8(ascii: "="), UInt8(ascii: "/"), UInt8(ascii: ">"), UInt8(ascii: "<")]

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || (9...10).contains(byte) || byte == 13
  }
}
