/// Bytes as people write them.
enum Hex {
  /// Reads two-digit hexadecimal octets; `00*26` is 26 times the same, `#` begins a comment.
  static func bytes(_ text: String) -> [UInt8] {
    let words = text.split(separator: "\n").flatMap { line in
      line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
    }
    return words.flatMap { word -> [UInt8] in
      let parts = word.split(separator: "*")
      guard let octet = UInt8(parts[0], radix: 16) else { fatalError("“\(word)” is no octet") }
      return [UInt8](repeating: octet, count: parts.count == 2 ? Int(parts[1]) ?? 0 : 1)
    }
  }
}
