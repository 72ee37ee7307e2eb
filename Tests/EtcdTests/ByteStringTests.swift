import Testing

@testable import Etcd

struct ByteStringTests {
  @Test func textAndBytes() {
    #expect(ByteString("é").bytes == [0xc3, 0xa9])
    #expect(ByteString([0xc3, 0xa9]).text == "é")
    #expect(ByteString([0xff]).text == nil)
    #expect("\(ByteString([0x61, 0xff]))" == "a\u{fffd}")
  }

  @Test func orderIsOfBytes() {
    let keys: [ByteString] = ["b", "", "é", "B", ByteString([0xff]), ByteString([0]), "ba", "z"]
    #expect(keys.sorted() == ["", ByteString([0]), "B", "b", "ba", "z", "é", ByteString([0xff])])
  }
}
