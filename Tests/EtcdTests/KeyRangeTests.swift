import Testing

@testable import Etcd

struct KeyRangeTests {
  @Test(arguments: [
    (KeyRange.key("a"), "a" as ByteString, nil as ByteString?),
    (.prefix("a/"), "a/", "a0"),
    (.prefix(ByteString([0x61, 0xff, 0xff])), ByteString([0x61, 0xff, 0xff]), "b"),
    (.prefix(ByteString([0xff, 0xff])), ByteString([0xff, 0xff]), ByteString([0])),
    (.prefix(""), ByteString([0]), ByteString([0])),
    (.from("m"), "m", ByteString([0])),
    (.from("m", to: "n"), "m", "n"),
  ])
  func boundsAreEtcds(range: KeyRange, start: ByteString, end: ByteString?) {
    #expect(range.start == start)
    #expect(range.end == end)
  }

  @Test func contains() {
    #expect(KeyRange.key("a").contains("a"))
    #expect(!KeyRange.key("a").contains("a/"))
    #expect(KeyRange.prefix("a/").contains("a/"))
    #expect(KeyRange.prefix("a/").contains(ByteString(Array("a/".utf8) + [0xff])))
    #expect(!KeyRange.prefix("a/").contains("a0"))
    #expect(!KeyRange.prefix("a/").contains("a"))
    #expect(KeyRange.all.contains(ByteString([0xff, 0xff])))
    #expect(KeyRange.from("b").contains("c") && !KeyRange.from("b").contains("a"))
  }

  @Test func restBeginsBehindTheKey() {
    #expect(KeyRange.prefix("a/").rest(after: "a/1") == .from(ByteString(Array("a/1".utf8) + [0]), to: "a0"))
    #expect(KeyRange.key("a").rest(after: "a") == nil)
    #expect(KeyRange.all.rest(after: "x")?.contains("x") == false)
  }

  @Test(arguments: [
    ([KeyRange.prefix("a/")], KeyRange.prefix("a/")),
    ([.key("a"), .key("a")], .key("a")),
    ([.prefix("c/"), .key("a"), .prefix("b/")], .from("a", to: "c0")),
    ([.prefix("a/"), .key("b")], .from("a/", to: ByteString([0x62, 0]))),
    ([.prefix("a/"), .from("z")], .from("a/")),
  ])
  func hullHasAll(ranges: [KeyRange], hull: KeyRange) {
    #expect(KeyRange.hull(of: ranges) == hull)
    #expect(KeyRange.hull(of: []) == nil)
  }

  @Test func words() {
    #expect("\(KeyRange.key("a"))" == "a")
    #expect("\(KeyRange.prefix("a/"))" == "a/…")
    #expect("\(KeyRange.from("a", to: "c"))" == "from a to c")
    #expect("\(KeyRange.from("a"))" == "from a")
    #expect("\(KeyRange.all)" == "all keys")
  }
}
