import PoolModel
import Testing

struct VLANTagTests {
  @Test(arguments: [(-1, false), (0, false), (1, true), (4094, true), (4095, false), (4096, false), (65_537, false)])
  func usableIDs(id: Int, expected: Bool) { #expect(VLANTag.isUsable(id: id) == expected) }
}
