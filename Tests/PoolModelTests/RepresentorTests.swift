import PoolModel
import Testing

@Suite struct RepresentorTests {
  @Test(
    arguments: [
      ("pf0vf0", Representor(pf: 0, vf: 0)), ("pf1vf255", Representor(pf: 1, vf: 255)),
      ("c1pf0vf3", Representor(pf: 0, vf: 3)), ("p0", nil), ("pf0", nil), ("pf0sf1", nil), ("", nil), ("pfvf", nil),
      ("pf0vf", nil), ("vf1", nil), ("pf-1vf0", nil), ("pf0vf1vf2", nil),
    ] as [(String, Representor?)])
  func portNames(name: String, expected: Representor?) { #expect(Representor(portName: name) == expected) }
}
