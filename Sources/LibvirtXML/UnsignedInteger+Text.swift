extension FixedWidthInteger where Self: UnsignedInteger {
  /// Reads an unsigned number as C writes it: `0x1f`, `31`, `037`.
  init?(cLiteral text: String) {
    let lower = text.lowercased()
    let (digits, radix) =
      lower.hasPrefix("0x") ? (lower.dropFirst(2), 16) : (lower.dropFirst(0), lower.first == "0" ? 8 : 10)
    // The standard library takes a sign in front.
    guard digits.utf8.first != UInt8(ascii: "+"), digits.utf8.first != UInt8(ascii: "-") else { return nil }
    self.init(digits, radix: radix)
  }

  /// Reads plain decimal digits, no sign; nil for anything else.
  init?(decimal text: some StringProtocol) {
    guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      return nil
    }
    self.init(text, radix: 10)
  }
}
