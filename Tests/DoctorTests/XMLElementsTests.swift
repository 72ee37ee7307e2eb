import PoolModel
import Testing

@testable import Doctor

@Suite struct XMLElementsTests {
  @Test func elementsInTheirOrder() throws {
    let elements = try #require(
      XMLElements.read(
        "<?xml version='1.0'?><!-- <c> --><a b = \"1 > 0\" c='&lt;&amp;lt;'>\n text &amp; <b/><![CDATA[<x>]]><d>e</d></a>\n"
      ))
    #expect(elements.map { $0.path.joined(separator: "/") } == ["a", "a/b", "a/d"])
    #expect(elements[0].attributes == ["b": "1 > 0", "c": "<&lt;"])
    #expect(elements.map(\.text) == ["text &", "", "e"])
  }

  @Test(arguments: [
    "", "text", "<a>", "<a></b>", "<a/><b/>", "<a b></a>", "<a b='c></a>", "</a>", "<!DOCTYPE a><a/>", "<!-- <a/>",
    "<>",
    "<a b=c/>",
  ])
  func whatIsNotWellFormed(text: String) { #expect(XMLElements.read(text) == nil) }

  @Test(
    arguments: [
      ("bus='0x01' slot='0x10' function='0x6'", "0000:01:10.6"),
      ("domain='1' bus='2' slot='3' function='4'", "0001:02:03.4"),
      ("bus='0x100' slot='0x10' function='0x6'", nil), ("bus='1' slot='32' function='0'", nil),
      ("type='mac' bus='1'", nil),
    ] as [(String, String?)])
  func addresses(attributes: String, address: String?) {
    #expect(XMLElements.read("<address \(attributes)/>")?.first?.pci?.description == address)
  }
}
