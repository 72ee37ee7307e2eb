import LibvirtXML
import Testing

@Suite struct XMLTreeTests {
  func tree(_ xml: String) throws -> XMLTree { try XMLTree(xml: xml, limit: XMLTree.netdefLimit) }

  @Test(arguments: [
    "<a/>",
    "<a b=\"1\" a=\"2\" c=\"3\"/>",
    "<!-- before --><a><!-- in --></a><!-- after -->",
    "<a xmlns:v=\"urn:v\" v:q=\"1\"><v:b><c xmlns=\"urn:d\"/></v:b></a>",
    "<a>one &amp; two &lt; three ]]&gt; four</a>",
    "<a><![CDATA[<b> & ]] > ]]></a>",
    "<a>x<![CDATA[y]]>z</a>",
    "<a><!----></a>",
    "<a b=\"\"/>",
    "<a b=\"&quot;quoted&quot; &lt;'&amp;amp;&#10;&#9;&#13;\"/>",
    "<a b=\"&amp;#38; &amp;lt;\">&amp;#38; &amp;amp;</a>",
    "<a>line&#13;\nline</a>",
    "<a><?target some data?><?empty ?></a>",
    "<a>\n  <b/>\n\n  <c> x </c>\n</a>",
    "<größe breit=\"übel\">日本語 😀 e\u{301}</größe>",
  ])
  func writesWhatItRead(_ xml: String) throws {
    let tree = try tree(xml)
    #expect(tree.xml.filter { $0 != "\n" } == (xml + "\n").filter { $0 != "\n" })
    #expect(try self.tree(tree.xml).root.xml == tree.root.xml)
  }

  @Test func keepsMeaningWhereTheSpellingChanges() throws {
    let root = try tree("<?xml version='1.0' encoding='utf-8'?>\n<a b='it&apos;s \"so\"' c='x&#x26;y'>&#65;\r\n></a>")
      .root
    #expect(root["b"] == "it's \"so\"")
    #expect(root["c"] == "x&y")
    #expect(root.text == "A\n>")
    #expect(root.xml == "<a b=\"it's &quot;so&quot;\" c=\"x&amp;y\">A\n&gt;</a>")
  }

  @Test func splitsASectionThatWouldEndItself() throws {
    let root = try tree("<a><![CDATA[x]]]]><![CDATA[>y]]></a>").root
    #expect(root.children == [.cdata("x]]>y")])
    #expect(root.xml == "<a><![CDATA[x]]]]><![CDATA[>y]]></a>")
    let combining = XMLTree.Element("a", children: [.cdata("]]>\u{338}")])
    #expect(try tree(combining.xml).root.text.unicodeScalars.elementsEqual("]]>\u{338}".unicodeScalars))
  }

  @Test func joinsTextThatTheParserHandsOverInPieces() throws {
    let long = String(repeating: "ü€😀", count: 5000)
    let root = try tree("<a>\(long)&amp;\(long)<![CDATA[\(long)]]></a>").root
    #expect(root.children == [.text("\(long)&\(long)"), .cdata(long)])
  }

  @Test func knowsLinesOfTagsAndAttributes() throws {
    let root = try tree(
      """
      <?xml version="1.0"?>
      <!-- <not a="tag">
      -->
      <a
        b="1 >
        2"
        c="3"><![CDATA[<x>
        ]]><d/>
        <e f='/>'
        /></a>
      """
    ).root
    #expect(root.line == 4)
    #expect(root.attributes.map(\.line) == [5, 7])
    #expect(root.elements.map(\.line) == [8, 9])
  }

  @Test func resolvesNamespaces() throws {
    let root = try tree("<a xmlns:v='urn:v'><v:b/><b/><c xmlns='urn:d'><d/><e xmlns=''/></c></a>").root
    #expect(root.namespace == nil)
    #expect(root.elements.map(\.namespace) == ["urn:v", nil, "urn:d"])
    #expect(root.elements[2].elements.map(\.namespace) == ["urn:d", nil])
    #expect(root.elements[0].localName == "b")
    #expect(root.children("b").count == 1)
    #expect(root.child("c") == nil)
  }

  static let billionLaughs = """
    <?xml version="1.0"?>
    <!DOCTYPE lolz [
      <!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
    ]>
    <network><name>&c;</name></network>
    """

  @Test(
    arguments: [
      (billionLaughs, XMLProblem.Code.doctype, 2),
      ("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", .doctype, 1),
      ("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n<a>&x;</a>", .doctype, 1),
      ("<!-- \n --><?pi\n?><!DOCTYPE a><a/>", .doctype, 3),
      ("<a>\n&undefined;</a>", .malformed, 2),
      ("<a>\n<b></a>", .malformed, 2),
      ("<a>\n<b/>", .malformed, 2),
      ("<a/><b/>", .malformed, 1),
      ("<a/>junk", .malformed, 1),
      ("<a/>\n<!-- open", .malformed, 2),
      ("<a", .malformed, 1),
      ("<a>\n<b c=d/></a>", .malformed, 2),
      ("<a>\n<b c/></a>", .malformed, 2),
      ("<a b='1' b='2'/>", .malformed, 1),
      ("<a b='<'/>", .malformed, 1),
      ("<a>]]></a>", .malformed, 1),
      ("<a>\u{1}</a>", .malformed, 1),
      ("<a>\n<v:b/></a>", .malformed, 2),
      ("", .malformed, 1),
      ("just text", .malformed, 1),
      ("<a>\n<?bare?></a>", .malformed, 2),
      ("<?bare?><a/>", .malformed, 1),
      (" <?xml version='1.0'?><a/>", .malformed, 1),
      ("<?xml version='1.0' encoding='ISO-8859-1'?><a/>", .encoding, 1),
      ("<?xml version='1.0' encoding=\"UTF-16\"?><a/>", .encoding, 1),
      ("<?xml version='1.0' encoding='US-ASCII'?>\n<a>é</a>", .encoding, 2),
      ("<a>\n\0</a>", .encoding, 2),
      (String(repeating: "<a>\n", count: 101) + String(repeating: "</a>", count: 101), .tooDeep, 101),
      (String(repeating: "<a>", count: 300_000), .tooDeep, 1),
      ("<a" + (0...1000).map { " b\($0)='1'" }.joined() + "/>", .tooLarge, 1),
    ] as [(String, XMLProblem.Code, Int?)])
  func refuses(_ xml: String, _ code: XMLProblem.Code, _ line: Int?) throws {
    let problem = try #require(throws: XMLProblem.self) { _ = try tree(xml) }
    #expect(problem.code == code, "\(problem)")
    #expect(problem.line == line, "\(problem)")
  }

  @Test func takesTheDeepestAllowed() throws {
    _ = try tree(String(repeating: "<a>", count: 100) + String(repeating: "</a>", count: 100))
  }

  @Test func takesAByteOrderMark() throws {
    #expect(try tree("\u{feff}<a>x</a>").root.text == "x")
  }

  @Test(arguments: ["UTF-8", "utf-8", "US-ASCII", "us-ascii"])
  func takesEncoding(_ name: String) throws {
    #expect(try tree("<?xml version=\"1.0\" encoding=\"\(name)\"?><a>x</a>").root.text == "x")
  }

  @Test func refusesLatin1() throws {
    let bytes = Array("<a>".utf8) + [0xe9] + Array("</a>".utf8)
    let problem = try #require(throws: XMLProblem.self) { _ = try XMLTree(bytes: bytes, limit: 1000) }
    #expect(problem.code == .encoding)
    let utf16: [UInt8] = [0xff, 0xfe, 0x3c, 0, 0x61, 0, 0x2f, 0, 0x3e, 0]
    #expect(throws: XMLProblem.self) { try XMLTree(bytes: utf16, limit: 1000) }
  }

  @Test func refusesMoreThanTheLimit() throws {
    let big = Array("<a>".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: 11 << 20) + Array("</a>".utf8)
    for limit in [XMLTree.netdefLimit, XMLTree.libvirtLimit] {
      let problem = try #require(throws: XMLProblem.self) { _ = try XMLTree(bytes: big, limit: limit) }
      #expect(problem.code == .tooLarge)
    }
    #expect(try XMLTree(xml: "<a/>", limit: 4).root.name == "a")
    #expect(throws: XMLProblem.self) { try XMLTree(xml: "<a/>", limit: 3) }
  }

  @Test func saysTheLine() {
    #expect("\(XMLProblem(.refused, line: 7, "no such thing"))" == "line 7: no such thing")
    #expect("\(XMLProblem(.refused, "no such thing"))" == "no such thing")
  }
}
