import Foundation
import FoundationXML

extension XMLTree {
  /// For netdefs, which people write: 1 MiB.
  public static let netdefLimit = 1 << 20
  /// For what libvirt writes to a hook, or answers: the most that libxml2 reads (`XML_MAX_LOOKUP_LIMIT`).
  public static let libvirtLimit = 10_000_000
  /// The deepest libvirt XML known has a dozen levels.
  public static let maximumDepth = 100

  /// Reads a document of at most `limit` bytes.
  ///
  /// Refused before the parser sees it: more bytes, anything but UTF-8 (or its subset US-ASCII), NUL bytes, a DOCTYPE
  /// (so there are no entities but XML's own five), and elements nested deeper than `maximumDepth`.
  public init(bytes: some Collection<UInt8>, limit: Int) throws(XMLProblem) {
    guard bytes.count <= limit else {
      throw XMLProblem(.tooLarge, "the XML has more than \(limit >> 10) KiB; that is no libvirt XML of this kind")
    }
    var bytes = Array(bytes)
    if bytes.starts(with: [0xef, 0xbb, 0xbf]) { bytes.removeFirst(3) }
    try Self.checkEncoding(bytes)

    let builder = TreeBuilder(try XMLOutline(bytes, maximumDepth: Self.maximumDepth))
    let parser = XMLParser(data: Data(bytes))
    parser.shouldProcessNamespaces = false
    parser.shouldReportNamespacePrefixes = false
    parser.shouldResolveExternalEntities = false
    parser.delegate = builder
    // On Linux `parse()` is true for documents that broke off: what counts is the first error and a closed root.
    _ = parser.parse()
    self = try builder.finish()
  }

  public init(xml: String, limit: Int) throws(XMLProblem) { try self.init(bytes: xml.utf8, limit: limit) }

  private static func checkEncoding(_ bytes: [UInt8]) throws(XMLProblem) {
    let line = { (end: Int) in bytes[..<end].count { $0 == UInt8(ascii: "\n") } + 1 }
    if let zero = bytes.firstIndex(of: 0) {
      throw XMLProblem(.encoding, line: line(zero), "a NUL byte; the XML must be UTF-8 text")
    }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw XMLProblem(.encoding, "the XML is not UTF-8; convert it (iconv -t UTF-8)")
    }
    guard bytes.starts(with: "<?xml".utf8), let end = bytes.firstIndex(of: UInt8(ascii: ">")) else { return }
    let declaration = String(decoding: bytes[..<end], as: UTF8.self).unicodeScalars
    let words = declaration.split { "\"'".unicodeScalars.contains($0) }.map(String.init)
    guard let key = words.firstIndex(where: { $0.contains("encoding") }) else { return }
    let encoding = key + 1 < words.count ? words[key + 1] : ""
    guard ["UTF-8", "US-ASCII"].contains(encoding.uppercased()) else {
      throw XMLProblem(.encoding, line: 1, "encoding “\(encoding)”; allowed: UTF-8, US-ASCII")
    }
    if encoding.uppercased() == "US-ASCII", let byte = bytes.firstIndex(where: { $0 > 0x7f }) {
      throw XMLProblem(.encoding, line: line(byte), "not US-ASCII, although the XML declaration says so; say UTF-8")
    }
  }
}

/// Collects what the parser reports.
private final class TreeBuilder: NSObject, XMLParserDelegate {
  private let outline: XMLOutline
  private var tagsSeen = 0
  private var open: [XMLTree.Element] = []
  /// The namespaces in scope, by prefix; the default one's prefix is empty.
  private var scopes: [[String: String]] = [[:]]
  private var root: XMLTree.Element?
  private var prolog: [XMLTree.Node] = []
  private var epilog: [XMLTree.Node] = []
  private var problem: XMLProblem?
  private var pending = ""
  private var inCDATA = false

  init(_ outline: XMLOutline) { self.outline = outline }

  func finish() throws(XMLProblem) -> XMLTree {
    if let problem { throw problem }
    guard let root, open.isEmpty, tagsSeen == outline.tags.count else { throw .malformed(5, line: nil) }
    return XMLTree(root: root, prolog: prolog, epilog: epilog)
  }

  private func append(_ node: XMLTree.Node) {
    if !open.isEmpty {
      open[open.count - 1].children.append(node)
    } else if root == nil {
      prolog.append(node)
    } else {
      epilog.append(node)
    }
  }

  /// The parser hands long text over in pieces.
  private func collect(_ more: String, cdata: Bool) {
    if cdata != inCDATA { flush() }
    inCDATA = cdata
    pending += more
  }

  private func flush() {
    guard !pending.isEmpty else { return }
    append(inCDATA ? .cdata(pending) : .text(pending))
    pending = ""
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String] = [:]
  ) {
    flush()
    guard tagsSeen < outline.tags.count else { return parser.abortParsing() }
    let tag = outline.tags[tagsSeen]
    tagsSeen += 1
    var element = XMLTree.Element(name, line: tag.line)
    element.attributes = tag.attributes.compactMap { attribute in
      attributes[attribute.name].map { XMLTree.Attribute(attribute.name, $0, line: attribute.line) }
    }
    if element.attributes.count != attributes.count { note(.malformed(42, line: tag.line)) }

    var scope = scopes[scopes.count - 1]
    for attribute in element.attributes {
      if attribute.name == "xmlns" {
        scope[""] = attribute.value.isEmpty ? nil : attribute.value
      } else if attribute.name.hasPrefix("xmlns:") {
        scope[String(attribute.name.dropFirst(6))] = attribute.value
      }
    }
    let parts = name.split(separator: ":", maxSplits: 1)
    element.namespace = parts.count == 2 ? scope[String(parts[0])] : scope[""]
    scopes.append(scope)
    open.append(element)
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    flush()
    guard let element = open.popLast() else { return }
    scopes.removeLast()
    if open.isEmpty { root = element } else { append(.element(element)) }
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) { collect(text, cdata: false) }

  func parser(_ parser: XMLParser, foundCDATA data: Data) {
    collect(String(decoding: data, as: UTF8.self), cdata: true)
  }

  func parser(_ parser: XMLParser, foundComment text: String) {
    flush()
    append(.comment(text))
  }

  func parser(_ parser: XMLParser, foundProcessingInstructionWithTarget target: String, data: String?) {
    flush()
    append(.instruction(target: target, data: data ?? ""))
  }

  func parser(_ parser: XMLParser, parseErrorOccurred error: any Error) {
    note(.malformed((error as NSError).code, line: parser.lineNumber))
    parser.abortParsing()
  }

  private func note(_ found: XMLProblem) {
    if problem == nil { problem = found }
  }
}
