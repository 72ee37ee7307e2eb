import PoolModel
import Testing

struct VFNameTests {
  @Test(arguments: [
    ("enp1s0/3", "enp1s0/3"), ("0000:01:10.0", "0000:01:10.0"), ("01:10.0", "0000:01:10.0"), ("a/b/2", "a/b/2"),
    ("enp1s0", nil), ("enp1s0/", nil), ("/1", nil), ("enp1s0/-1", nil), ("enp1s0/x", nil), ("", nil),
  ])
  func readsPlaceOrAddress(text: String, expected: String?) {
    #expect(VFName(text)?.description == expected)
  }
}
