import PoolModel
import Testing

struct NICNameTests {
  @Test(arguments: [("spread", "spread", 0), ("spread/0", "spread", 0), ("a b/12", "a b", 12)])
  func reads(text: String, pool: String, position: Int) {
    #expect(NICName(text) == NICName(pool: pool, position: position))
    #expect(NICName(NICName(pool: pool, position: position).description) == NICName(pool: pool, position: position))
  }

  @Test(arguments: ["", "/", "/1", "spread/", "spread/-1", "spread/x", "spread/1/x", "spread/70000"])
  func refuses(text: String) { #expect(NICName(text) == nil) }
}
