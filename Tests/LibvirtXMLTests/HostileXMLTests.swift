import LibvirtXML
import PoolModel
import Testing

/// What nobody should send, to everything that reads XML.
@Suite struct HostileXMLTests {
  enum Reader: String, CaseIterable, Sendable {
    case netdef, libvirtsNetdef, domain, guestDocument, definition, domainsName, port, hookInput, nodeDevice

    func read(_ bytes: [UInt8]) throws {
      let text = String(decoding: bytes, as: UTF8.self)
      switch self {
      case .netdef: _ = try Netdef(bytes: bytes)
      case .libvirtsNetdef: _ = try Netdef(libvirtXML: text)
      case .domain: _ = try GuestDescription(bytes: bytes)
      case .guestDocument: _ = try GuestDocument(xml: text)
      case .definition: _ = try XMLTree(bytes: bytes, limit: XMLTree.libvirtLimit).xml
      case .domainsName: _ = try GuestID(domain: bytes)
      case .port: _ = try NetworkPort(xml: text)
      case .hookInput: _ = try NetworkHookInput(bytes: bytes)
      case .nodeDevice: _ = try NodeDevice(xml: text)
      }
    }

    /// A document that it takes, with these parts in it; `name` is where people may write anything.
    func document(name: String = "a", prolog: String = "", inside: String = "") -> String {
      let uuid = "<uuid>5d1f3a57-6b0e-4d4b-9d0e-3f2f8c8f0a01</uuid>"
      let port =
        "<networkport>\(uuid)<owner><name>\(name)</name>\(uuid)</owner><mac address='52:54:00:00:00:01'/>\(inside)"
        + "</networkport>"
      return prolog
        + {
          switch self {
          case .netdef, .libvirtsNetdef:
            "<network><name>\(name)</name><forward mode='hostdev'><pf dev='e'/></forward>\(inside)</network>"
          case .domain, .guestDocument, .definition, .domainsName:
            "<domain>\(inside)<name>\(name)</name>\(uuid)</domain>"
          case .port: port
          case .hookInput: "<hookData><network><name>\(name)</name></network>\(port)</hookData>"
          case .nodeDevice: "<device><name>\(name)</name><capability type='pci'>\(inside)</capability></device>"
          }
        }()
    }
  }

  @Test(arguments: Reader.allCases)
  func takesWhatIsGood(reader: Reader) throws { try reader.read(Array(reader.document().utf8)) }

  static let entities =
    "<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;'>]>"

  @Test(arguments: Reader.allCases)
  func refuses(reader: Reader) throws {
    let deep = String(repeating: "<x>", count: 5000) + String(repeating: "</x>", count: 5000)
    let cases: [(String, XMLProblem.Code)] = [
      (reader.document(name: "&c;", prolog: Self.entities), .doctype),
      (reader.document(prolog: "<!DOCTYPE a SYSTEM 'file:///etc/passwd'>"), .doctype),
      (reader.document(name: "&x;", prolog: "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"), .doctype),
      (reader.document(name: "&x;", prolog: "<!DOCTYPE a [<!ENTITY x SYSTEM 'http://192.0.2.1/'>]>"), .doctype),
      (reader.document(prolog: "<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///dev/random'> %p;]>"), .doctype),
      (reader.document(name: "&undefined;"), .malformed),
      (reader.document(inside: deep), .tooDeep),
      (reader.document(inside: String(repeating: "<x>", count: 200_000)), .tooDeep),
      (reader.document(inside: "<x" + (0...2000).map { " a\($0)=''" }.joined() + "/>"), .tooLarge),
      (reader.document(inside: "<!--" + String(repeating: "x", count: 10_000_000) + "-->"), .tooLarge),
      (reader.document(inside: "\u{0}"), .encoding),
      (reader.document(prolog: "<?xml version='1.0' encoding='UTF-7'?>"), .encoding),
      (reader.document(inside: "<x a='1' a='2'/>"), .malformed),
      (reader.document(inside: "<x:y/>"), .malformed),
    ]
    // A domain's name is told from its beginning: what follows isn't read then.
    let unfinished: [(String, XMLProblem.Code)] =
      reader == .domainsName
      ? []
      : [
        (reader.document() + reader.document(), .malformed), (String(reader.document().dropLast(3)), .malformed),
      ]
    for (xml, code) in cases + unfinished {
      let problem = try #require(throws: XMLProblem.self, "\(xml.prefix(200))") { try reader.read(Array(xml.utf8)) }
      #expect(problem.code == code, "\(problem): \(xml.prefix(200))")
    }
    let broken = Array(reader.document(name: "a").utf8).map { $0 == UInt8(ascii: "a") ? 0xff : $0 }
    #expect(throws: XMLProblem.self) { try reader.read(broken) }
  }

  /// XInclude is no more than an element that libvirt doesn't know.
  @Test(arguments: Reader.allCases)
  func includesNothing(reader: Reader) throws {
    let include = "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='file:///etc/passwd' parse='text'/>"
    try reader.read(Array(reader.document(inside: include).utf8))
  }

  static let names = [
    "../../etc/passwd", "a/b", "$(reboot)", "`reboot`", "a;reboot|&>x", "a'b\"c", "--help", "-rf *", "%s%n", "\\n\\0",
    "a\tb", "<script>", "]]>", "&amp;", "日本語 😀", "\u{202e}evil", String(repeating: "x", count: 5000),
  ]

  /// They stay what they are, whatever they look like, and come back from what is written.
  @Test(arguments: names)
  func oddNamesAreOnlyNames(_ name: String) throws {
    let written = XMLTree.Element("name", children: [.text(name)]).xml
    let uuid = "5d1f3a57-6b0e-4d4b-9d0e-3f2f8c8f0a01"
    let domain = "<domain>\(written)<uuid>\(uuid)</uuid><devices/></domain>"
    #expect(try GuestDescription(xml: domain).guest.name == name)
    var definition = try XMLTree(xml: domain, limit: XMLTree.libvirtLimit)
    try definition.add(devices: ["<hostdev/>"])
    #expect(try GuestDocument(xml: definition.xml).description.guest.name == name)
    let port = NetworkPort(
      uuid: uuid, owner: GuestID(name: name, uuid: uuid), mac: MACAddress(value: 1), portgroup: name,
      vf: HostdevShapesTests.vf,
      others: [XMLTree.Element("x", attributes: [.init("y", name)])])
    #expect(try NetworkPort(xml: port.xml) == port)
    let network = "<network>\(written)<forward mode='hostdev'><pf dev='e'/></forward></network>"
    if name.contains("/") {
      #expect(throws: XMLProblem.self) { try Netdef(xml: network) }
    } else {
      let netdef = try Netdef(xml: network)
      #expect(netdef.pool.name == name)
      #expect(try Netdef(xml: netdef.xml()).pool.name == name)
    }
  }

  /// A megabyte of small elements costs no more than time to read it.
  @Test func manyElements() throws {
    let more = String(repeating: "<x/>", count: 200_000)
    let netdef = try Netdef(xml: Reader.netdef.document(inside: more))
    #expect(netdef.xml().utf8.count > more.utf8.count)
  }
}
