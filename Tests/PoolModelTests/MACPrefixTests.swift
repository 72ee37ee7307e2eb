import PoolModel
import SeededRandom
import Testing

struct MACPrefixTests {
  @Test(arguments: [("52:54:00", 0x52_5400), ("02:AB:cd", 0x02_abcd), ("00:00:00", 0)])
  func reads(text: String, value: UInt32) throws {
    let prefix = try #require(MACPrefix(text))
    #expect(prefix.value == value)
    #expect(prefix.description == text.lowercased())
  }

  @Test(arguments: [
    "", "52:54", "52:54:0", "52:54:000", "52:54:00:", "52:54:00:aa", "52-54-00", "525400", "01:00:5e", "ff:ff:ff",
    "+2:54:00", "52:54:00 ",
  ])
  func refuses(text: String) { #expect(MACPrefix(text) == nil) }

  @Test func isLibvirtsUnlessSaidOtherwise() { #expect(MACPrefix.standard.description == "52:54:00") }

  @Test func makesAddressesThatDiffer() throws {
    var generator = SplitMix64(seed: 7)
    var made: Set<MACAddress> = []
    for _ in 0..<1000 {
      let address = try #require(MACPrefix.standard.address(besides: made, using: &generator))
      #expect(address.description.hasPrefix("52:54:00:"))
      #expect(made.insert(address).inserted)
    }
  }

  @Test func goesOnFromOneThatIsTaken() throws {
    let prefix = try #require(MACPrefix("02:00:00"))
    var fixed = Fixed(number: .max)
    let first = try #require(prefix.address(besides: [], using: &fixed))
    let second = try #require(prefix.address(besides: [first], using: &fixed))
    #expect(first.description == "02:00:00:ff:ff:ff")
    #expect(second.description == "02:00:00:00:00:00")
  }

  @Test func neverMakesTheAddressOfZeroes() throws {
    var fixed = Fixed(number: 0)
    #expect(try #require(MACPrefix("00:00:00")).address(besides: [], using: &fixed)?.value == 1)
  }

  /// Always the same number.
  private struct Fixed: RandomNumberGenerator {
    let number: UInt64
    func next() -> UInt64 { number }
  }
}
