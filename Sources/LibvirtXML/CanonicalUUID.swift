import PoolModel

/// libvirt takes UUIDs in either case, with dashes anywhere or nowhere (`virUUIDParse`); it writes them in lower case
/// with four dashes, and so do we. Nil for anything else.
func canonicalUUID(_ text: String) -> String? {
  let digits = text.lowercased().filter { $0 != "-" && !$0.isWhitespace }
  guard digits.count == 32, digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else { return nil }
  var out = ""
  for (place, digit) in digits.enumerated() {
    if [8, 12, 16, 20].contains(place) { out += "-" }
    out.append(digit)
  }
  return out
}

extension GuestID {
  /// A guest's UUID in any form that libvirt takes, in lower case with dashes; nil for anything else.
  public static func uuid(_ text: String) -> String? { canonicalUUID(text) }
}
