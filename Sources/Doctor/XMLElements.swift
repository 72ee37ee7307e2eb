import PoolModel
import Sysfs

/// The elements of an XML document, in order: enough for the files that libvirt writes, and no more. A parser of all of
/// XML would be most of a static program that needs it for one check.
enum XMLElements {
  struct Element: Hashable, Sendable {
    /// The names from the root to this element.
    var path: [String]
    var attributes: [String: String]
    /// What stands between its start and the next tag, without white space around it.
    var text: String

    subscript(name: String) -> String? { attributes[name] }
  }

  /// Nil for what isn't well-formed, or has a DOCTYPE.
  static func read(_ text: String) -> [Element]? {
    var elements: [Element] = []
    var open: [String] = []
    var rest = text[...]
    while let start = rest.firstIndex(of: "<") {
      rest = rest[start...]
      if let end = [("<!--", "-->"), ("<?", "?>"), ("<![CDATA[", "]]>")].first(where: { rest.hasPrefix($0.0) })?.1 {
        guard let found = rest.firstRange(of: end) else { return nil }
        rest = rest[found.upperBound...]
        continue
      }
      guard !rest.hasPrefix("<!"), let end = endOfTag(rest) else { return nil }
      let tag = rest[rest.index(after: rest.startIndex)..<end]
      rest = rest[rest.index(after: end)...]
      if tag.hasPrefix("/") {
        guard open.popLast() == tag.dropFirst().trimmed else { return nil }
        continue
      }
      let isEmpty = tag.hasSuffix("/")
      let body = isEmpty ? tag.dropLast() : tag
      let name = String(body.prefix { !$0.isWhitespace })
      guard !name.isEmpty, !(open.isEmpty && !elements.isEmpty), let attributes = attributes(body.dropFirst(name.count))
      else { return nil }
      let content = isEmpty ? "" : decoded(rest.prefix { $0 != "<" }.trimmed)
      elements.append(Element(path: open + [name], attributes: attributes, text: content))
      if !isEmpty { open.append(name) }
    }
    return open.isEmpty && !elements.isEmpty ? elements : nil
  }

  /// Where a tag ends; a `>` may stand in an attribute.
  private static func endOfTag(_ text: Substring) -> Substring.Index? {
    var quote: Character?
    return text.indices.first { index in
      let character = text[index]
      if let open = quote {
        if character == open { quote = nil }
        return false
      }
      if character == "\"" || character == "'" { quote = character }
      return character == ">"
    }
  }

  private static func attributes(_ text: Substring) -> [String: String]? {
    var attributes: [String: String] = [:]
    var rest = text.drop(while: \.isWhitespace)
    while !rest.isEmpty {
      guard let equals = rest.firstIndex(of: "=") else { return nil }
      let name = rest[..<equals].trimmed
      rest = rest[rest.index(after: equals)...].drop(while: \.isWhitespace)
      guard let quote = rest.popFirst(), quote == "\"" || quote == "'", let end = rest.firstIndex(of: quote) else {
        return nil
      }
      attributes[name] = decoded(rest[..<end])
      rest = rest[rest.index(after: end)...].drop(while: \.isWhitespace)
    }
    return attributes
  }

  private static func decoded(_ text: some StringProtocol) -> String {
    guard text.contains("&") else { return String(text) }
    return [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")].reduce(String(text)) {
      $0.replacing($1.0, with: $1.1)
    }
  }
}

extension XMLElements.Element {
  /// `<address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x0'/>`
  var pci: PCIAddress? {
    guard self["type"] ?? "pci" == "pci" else { return nil }
    let number = { (name: String) -> UInt32? in
      guard let text = self[name] else { return 0 }
      return text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : UInt32(text)
    }
    guard let domain = number("domain"), let bus = number("bus").flatMap(UInt8.init(exactly:)),
      let slot = number("slot").flatMap(UInt8.init(exactly:)), slot < 32,
      let function = number("function").flatMap(UInt8.init(exactly:)), function < 8
    else { return nil }
    return PCIAddress(domain: domain, bus: bus, slot: slot, function: function)
  }
}
