import Sysfs

/// What an admin set for GRUB: `/etc/default/grub`, and Debian's `/etc/default/grub.d/*.cfg` behind it.
///
/// These are shell scripts; assignments of plain text are read, with the variables of the files themselves put in.
public struct GrubDefaults: Hashable, Sendable {
  public struct Setting: Hashable, Sendable, CustomStringConvertible {
    /// As on the host, without the root folder that was looked into.
    public var path: String
    /// Counted from 1.
    public var line: Int
    /// `GRUB_CMDLINE_LINUX`
    public var key: String
    /// Without quotes.
    public var value: String

    public init(path: String, line: Int, key: String, value: String) {
      self.path = path
      self.line = line
      self.key = key
      self.value = value
    }

    /// `/etc/default/grub:6: GRUB_CMDLINE_LINUX="quiet"`
    public var description: String { "\(path):\(line): \(key)=\"\(value)\"".shortened }
  }

  public static let path = "/etc/default/grub"

  /// In the order in which they count: the last of a key is what GRUB takes.
  public var settings: [Setting]

  public init(settings: [Setting]) { self.settings = settings }

  /// What GRUB takes for a key; nil = it isn't set.
  public func setting(_ key: String) -> Setting? { settings.last { $0.key == key } }

  /// The settings that make up the kernel's command line of a usual boot.
  public var commandLineSettings: [Setting] {
    ["GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT"].compactMap(setting)
  }

  /// The words that GRUB gives the kernel at a usual boot.
  public var commandLine: [String] { commandLineSettings.flatMap(\.value.words) }

  /// Settings whose names look like one of the kernel's command line, but that GRUB doesn't read: `GRUB_CMDLINX`.
  public var misnamed: [Setting] {
    settings.filter { $0.key.hasPrefix("GRUB_CMD") && !Self.known.contains($0.key) }
  }

  /// Those of `grub-mkconfig`.
  private static let known: Set<String> = [
    "GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT", "GRUB_CMDLINE_LINUX_RECOVERY", "GRUB_CMDLINE_GNUMACH",
    "GRUB_CMDLINE_NETBSD", "GRUB_CMDLINE_NETBSD_DEFAULT", "GRUB_CMDLINE_XEN", "GRUB_CMDLINE_XEN_DEFAULT",
    "GRUB_CMDLINE_LINUX_XEN_REPLACE", "GRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT",
  ]
}

extension HostConfig {
  /// GRUB's settings; nil where there are none. `problems` as `vfCountWriters(of:)`.
  public func grubDefaults() -> (defaults: GrubDefaults?, problems: [String]) {
    var reader = ConfigReader(root: root)
    let files =
      [reader.file(GrubDefaults.path)].compactMap(\.self) + reader.files(in: [GrubDefaults.path + ".d"], suffix: ".cfg")
    guard !files.isEmpty else { return (nil, reader.problems) }
    var defaults = GrubDefaults(settings: [])
    for file in files {
      for statement in file.statements() { defaults.add(statement, of: file.path) }
    }
    return (defaults, reader.problems)
  }
}

extension GrubDefaults {
  fileprivate mutating func add(_ statement: Statement, of path: String) {
    guard let equals = statement.text.firstIndex(of: "=") else { return }
    var key = statement.text[..<equals]
    let appends = key.last == "+"
    if appends { key = key.dropLast() }
    guard !key.isEmpty, key.allSatisfy({ $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }) else { return }
    var value = Self.value(statement.text[statement.text.index(after: equals)...])
    for variable in Set(settings.map(\.key)) where value.contains("$") {
      let known = setting(variable)?.value ?? ""
      value = value.replacing("${\(variable)}", with: known)
      // $GRUB_CMDLINE_LINUX is also the beginning of a longer name.
      value = value.words.map { $0 == "$" + variable ? known : $0 }.joined(separator: " ")
    }
    if appends { value = (setting(String(key))?.value ?? "") + value }
    settings.append(Setting(path: path, line: statement.line, key: String(key), value: value))
  }

  /// Up to the quote that ends it, or without quotes to the first blank: a comment may follow.
  private static func value(_ text: Substring) -> String {
    guard let quote = text.first, quote == "\"" || quote == "'" else {
      return String(text.prefix { !$0.isWhitespace })
    }
    return String(text.dropFirst().prefix { $0 != quote })
  }
}
