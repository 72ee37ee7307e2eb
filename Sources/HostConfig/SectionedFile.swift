import PoolModel
import Sysfs

/// Files of sections with `key=value` lines, as systemd and NetworkManager have them: one with its drop-ins.
struct SectionedFile {
  struct Entry: Hashable {
    var path: String
    var line: Int
    var section: String
    var key: String
    /// Without white space around it.
    var value: String

    var text: String { "\(key)=\(value)" }
  }

  /// In the order in which they count, the last the most.
  var entries: [Entry] = []
  /// Where each section begins.
  var sections: [(name: String, path: String, line: Int)] = []

  /// `comments`: what their lines begin with.
  init(_ files: [TextFile], comments: String = "#;") {
    for file in files {
      var section = ""
      for statement in file.statements(comments: comments) {
        if statement.text.hasPrefix("["), statement.text.hasSuffix("]") {
          section = String(statement.text.dropFirst().dropLast())
          sections.append((section, file.path, statement.line))
        } else if let equals = statement.text.firstIndex(of: "=") {
          entries.append(
            Entry(
              path: file.path, line: statement.line, section: section, key: statement.text[..<equals].trimmed,
              value: statement.text[statement.text.index(after: equals)...].trimmed))
        }
      }
    }
  }

  /// The assignments to a key that count: an empty one takes those before it back.
  func assignments(_ section: String, _ key: String) -> [Entry] {
    entries.filter { $0.section == section && $0.key == key }.reduce(into: []) { kept, entry in
      if entry.value.isEmpty { kept = [] } else { kept.append(entry) }
    }
  }

  /// The last value of a key; nil when it has none.
  func value(_ section: String, _ key: String) -> String? { assignments(section, key).last?.value }

  /// The keys of a section, each once, in their order.
  func keys(of section: String) -> [String] {
    entries.filter { $0.section == section }.map(\.key).firstOnes
  }
}
