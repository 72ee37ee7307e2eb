import Glibc
import Sysfs

/// A text file of the host's configuration.
struct TextFile {
  /// As on the host, without the root folder.
  var path: String
  var text: String

  var name: Substring { path.split(separator: "/").last ?? "" }

  /// Counted from 0; without what ends them.
  var lines: [String] {
    text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
      // As a Character, "\r\n" is one thing, so this is done with the bytes.
      String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
    }
  }

  /// Whether a word stands anywhere in it: a cheap look before the lines are read.
  func mentions(_ word: String) -> Bool { strstr(text, word) != nil }

  /// What stands in it between comments: the text of each statement, and the number of its first line. A line that ends
  /// in a backslash goes on in the next; comments in between are left out, as systemd and udev do.
  func statements(comments: String = "#") -> [Statement] {
    var found: [Statement] = []
    var open: Statement?
    for (place, line) in lines.enumerated() {
      var text = line.trimmed
      if let first = text.first, comments.contains(first) { continue }
      let goesOn = text.hasSuffix("\\")
      if goesOn { text = String(text.dropLast()) }
      if open == nil, text.isEmpty { continue }
      let whole = Statement(line: open?.line ?? place + 1, text: open.map { $0.text + " " + text } ?? text)
      open = goesOn ? whole : nil
      if !goesOn { found.append(whole) }
    }
    return found + (open.map { [$0] } ?? [])
  }
}

struct Statement: Hashable {
  /// Counted from 1.
  var line: Int
  /// Without white space around it.
  var text: String
}

extension StringProtocol {
  /// Without one pair of quotes around it.
  var unquoted: String {
    guard let quote = first, quote == "\"" || quote == "'", count > 1, last == quote else { return String(self) }
    return String(dropFirst().dropLast())
  }

  /// For a line of output.
  var shortened: String { count <= 160 ? String(self) : prefix(159) + "…" }

  var words: [String] { split(whereSeparator: \.isWhitespace).map { $0.unquoted } }
}
