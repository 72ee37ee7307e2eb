/// Why an XML document, or what it says, was not taken.
public struct XMLProblem: Error, Hashable, Sendable {
  public enum Code: String, Hashable, Sendable {
    /// More bytes than the limit for this kind of document.
    case tooLarge
    /// Not UTF-8, or it claims to be something else, or it holds NUL bytes.
    case encoding
    /// A DOCTYPE, and with it entities: libvirt's XML has none.
    case doctype
    /// Elements nested deeper than any libvirt XML.
    case tooDeep
    /// Not well-formed.
    case malformed
    /// Well-formed, but not what it should be.
    case refused
  }

  public var code: Code
  /// Counted from 1; nil when no single line is to blame.
  public var line: Int?
  /// A lower-case fragment that names the object and the way out.
  public var message: String
  /// libxml2's error number (`xmlParserErrors` in `libxml/xmlerror.h`) when it was the parser that refused.
  public var parserCode: Int?

  public init(_ code: Code, line: Int? = nil, _ message: String, parserCode: Int? = nil) {
    self.code = code
    self.line = line
    self.message = message
    self.parserCode = parserCode
  }
}

extension XMLProblem: CustomStringConvertible {
  /// `line 7: unknown policy “fill”; allowed: pack, spread`
  public var description: String { line.map { "line \($0): \(message)" } ?? message }
}

extension XMLProblem {
  /// What libxml2's error numbers mean, for those that people run into.
  static func malformed(_ parserCode: Int, line: Int?) -> XMLProblem {
    let text =
      switch parserCode {
      case 4, 5: "the document ends too early, or goes on after its root element"
      case 9: "a character that XML does not allow; control characters can't be written at all"
      case 26, 27: "an entity that isn't XML's own; allowed: &amp; &lt; &gt; &quot; &apos;"
      case 38, 39, 40: "an attribute's value must stand in quotes and hold no “<”"
      case 41: "an attribute has no value"
      case 42: "an attribute is given twice"
      case 62: "“]]>” within text; write ]]&gt;"
      case 64: "the XML declaration must be the very first thing in the document"
      case 65: "a space is missing between attributes"
      case 68: "a name is missing; a bare “<” or “&” in text is written &lt; or &amp;"
      case 73, 77: "a tag is not closed"
      case 76: "a closing tag doesn't match the element that is open"
      case 80: "“--” within a comment"
      case 200...209: "a namespace prefix that isn't declared, or is declared badly"
      default: "the parser refuses it"
      }
    return XMLProblem(.malformed, line: line, "not well-formed XML: \(text)", parserCode: parserCode)
  }
}
