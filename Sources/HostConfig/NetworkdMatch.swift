/// `[Match]` of systemd's `.link` and `.network` files.
extension SectionedFile {
  /// Whether the files are about a PF; systemd takes no file without conditions for any.
  func match(_ pf: PFIdentity) -> Match {
    let conditions = keys(of: "Match").map { ($0, assignments("Match", $0)) }.filter { !$0.1.isEmpty }
    if conditions.isEmpty { return .no }
    return conditions.map { key, assignments in Self.match(key, assignments.map(\.value), pf) }.all
  }

  private static func match(_ key: String, _ values: [String], _ pf: PFIdentity) -> Match {
    switch key {
    case "MACAddress", "PermanentMACAddress": return values.flatMap(\.words).map { pf.hasMAC($0) }.any
    case "Path": return match(values) { pf.hasPath($0) }
    case "Driver": return match(values) { pf.hasDriver($0) }
    case "Type": return match(values) { Match(glob($0, ["ether"])) }
    case "OriginalName": return match(values) { pf.hadKernelName($0) }
    case "Name": return match(values) { Match(glob($0, pf.names)) }
    default: return .maybe
    }
  }

  /// Each value is a list of patterns, all of them turned into their opposite by a `!` in front. One of those that hit
  /// speaks against the file; with any others, one must hit.
  private static func match(_ values: [String], _ hits: (String) -> Match) -> Match {
    var wanted: [Match] = []
    var unwanted: [Match] = []
    for value in values {
      if value.hasPrefix("!") {
        unwanted += value.dropFirst().words.map(hits)
      } else {
        wanted += value.words.map(hits)
      }
    }
    return min(wanted.isEmpty ? .yes : wanted.any, !unwanted.any)
  }
}
