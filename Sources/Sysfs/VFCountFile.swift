import PoolModel

/// The plain file with the VF counts that are ours. A line is `PCI MAC NAME COUNT`, the MAC `-` when it isn't known:
/// ```
/// 0000:01:00.0 52:54:00:aa:00:01 enp1s0 7
/// ```
public struct VFCountFile: Sendable {
  public static let standardPath = "/var/lib/vfpool/vf-counts"

  public let path: String

  public init(path: String = VFCountFile.standardPath) { self.path = path }

  /// The counts, and what is wrong with lines that can't be read, in words. A missing file is an empty one; empty lines
  /// and those that begin with `#` are skipped.
  public func read() throws(SysfsError) -> (counts: [OwnVFCount], problems: [String]) {
    let content: String
    do throws(Errno) {
      content = try FileAccess.read(path)
    } catch {
      if error.meansAbsent { return ([], []) }
      throw SysfsError(errno: error.code, operation: "read", subject: path)
    }
    var counts: [OwnVFCount] = []
    var problems: [String] = []
    for (number, line) in content.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let line = String(line).trimmed
      if line.isEmpty || line.hasPrefix("#") { continue }
      if let count = Self.parse(line) {
        counts.append(count)
      } else {
        problems.append("\(path), line \(number + 1): “\(line)” isn't “PCI MAC NAME COUNT”")
      }
    }
    return (counts, problems)
  }

  /// Puts `counts` in place of what the file holds; durable when it returns, and never half-written.
  public func write(_ counts: [OwnVFCount]) throws(SysfsError) {
    let lines = counts.map { "\($0.pci) \($0.mac.map(\.description) ?? "-") \($0.name) \($0.count)\n" }
    do throws(Errno) {
      try FileAccess.replace(path, with: lines.joined())
    } catch {
      throw SysfsError(errno: error.code, operation: "write", subject: path)
    }
  }

  private static func parse(_ line: String) -> OwnVFCount? {
    let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
    guard words.count == 4, let pci = PCIAddress(words[0]), let count = Int(words[3]), count >= 0 else { return nil }
    if words[1] == "-" { return OwnVFCount(pci: pci, mac: nil, name: words[2], count: count) }
    guard let mac = MACAddress(words[1]) else { return nil }
    return OwnVFCount(pci: pci, mac: mac, name: words[2], count: count)
  }
}
