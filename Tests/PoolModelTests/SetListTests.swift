import PoolModel
import Testing

struct SetListTests {
  @Test(
    arguments: [
      ("", []), ("\n", []), ("0", [0]), ("0-3", [0, 1, 2, 3]), ("0-3,^2,8", [0, 1, 3, 8]), (" 1, 3-4 ", [1, 3, 4]),
      ("^2,2", [2]), ("2,^2", []), ("5-5", [5]), ("16383", [16383]), ("3-1", nil), ("1,", nil), (",1", nil),
      ("-1", nil),
      ("1-", nil), ("1-2-3", nil), ("^", nil), ("^1-2", nil), ("a", nil), ("+1", nil), ("16384", nil),
      ("0-99999999999999999999", nil),
    ] as [(String, Set<Int>?)])
  func readsWhatLibvirtAndTheKernelWrite(text: String, expected: Set<Int>?) {
    #expect(Set(list: text) == expected)
  }

  @Test(arguments: [([], ""), ([3], "3"), ([8, 0, 1, 2, 5, 6], "0-2,5-6,8")] as [(Set<Int>, String)])
  func writesRanges(numbers: Set<Int>, text: String) { #expect(numbers.list == text) }
}
