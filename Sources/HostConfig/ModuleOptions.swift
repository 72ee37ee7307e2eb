import Sysfs

/// What is said of a kernel module in `modprobe.d(5)`, or by `MODULE.OPTION=` on the kernel's command line.
public struct ModuleSetting: Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Hashable, Sendable {
    /// Options for when it is loaded.
    case options
    /// It isn't loaded for a device that it knows.
    case blacklist
    /// A command is run instead of loading it; often one that does nothing.
    case install
  }

  public var kind: Kind
  /// As on the host, without the root folder that was looked into.
  public var path: String
  /// Counted from 1.
  public var line: Int
  /// `max_vfs=7`; a command's words for `install`.
  public var words: [String]
  /// The setting as it stands there, shortened when it is long.
  public var text: String

  public init(kind: Kind, path: String, line: Int, words: [String], text: String) {
    self.kind = kind
    self.path = path
    self.line = line
    self.words = words
    self.text = text.shortened
  }

  /// The value of an option; nil = it isn't set here.
  public func value(of option: String) -> String? {
    words.last { $0.hasPrefix(option + "=") }.map { String($0.dropFirst(option.count + 1)) }
  }

  public var description: String { "\(path):\(line): \(text)" }
}

extension HostConfig {
  /// What is said of a module, `vfio_pci` or `vfio-pci`, in the order in which it counts; `problems` as
  /// `vfCountWriters(of:)`.
  public func settings(ofModule module: String) -> (settings: [ModuleSetting], problems: [String]) {
    var reader = ConfigReader(root: root)
    let settings = reader.moduleSettings(of: module, in: reader.modprobeFiles())
    return (settings, reader.problems)
  }
}

/// Options of kernel modules that make VFs when a driver is loaded.
extension ConfigReader {
  private static let parameters = ["max_vfs", "num_vfs"]

  mutating func moduleOptions(of pf: PFIdentity) -> [VFCountWriter] {
    let files = modprobeFiles()
    // `install` and `remove` have commands.
    var writers = files.flatMap { writes(in: $0, pf, kind: .moduleOption) }
    guard let driver = pf.driver else { return writers }
    for setting in moduleSettings(of: driver, in: files) where setting.kind == .options {
      writers += setting.words.compactMap { Self.writer($0, setting) }
    }
    return writers
  }

  fileprivate mutating func modprobeFiles() -> [TextFile] { files(in: String.folders("modprobe.d"), suffix: ".conf") }

  fileprivate mutating func moduleSettings(of module: String, in files: [TextFile]) -> [ModuleSetting] {
    var found: [ModuleSetting] = []
    for file in files {
      for statement in file.statements() {
        let words = statement.text.words
        guard words.count > 1, let kind = ModuleSetting.Kind(rawValue: words[0]), Self.isSame(words[1], module) else {
          continue
        }
        found.append(
          ModuleSetting(
            kind: kind, path: file.path, line: statement.line, words: Array(words[2...]), text: statement.text))
      }
    }
    for word in file("/proc/cmdline")?.text.words ?? [] {
      guard let dot = word.firstIndex(of: "."), Self.isSame(word[..<dot], module) else { continue }
      let option = String(word[word.index(after: dot)...])
      found.append(ModuleSetting(kind: .options, path: "/proc/cmdline", line: 1, words: [option], text: word))
    }
    return found
  }

  /// Names of modules may be written with `-` for `_`.
  private static func isSame(_ one: some StringProtocol, _ other: String) -> Bool {
    other.replacing("-", with: "_") == String(one).replacing("-", with: "_")
  }

  /// One number for all ports, or one for each: `max_vfs=7,7`.
  private static func writer(_ option: String, _ setting: ModuleSetting) -> VFCountWriter? {
    let parts = option.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, parameters.contains(String(parts[0])) else { return nil }
    let counts = Set(parts[1].unquoted.split(separator: ",").map { Int($0) })
    return VFCountWriter(
      kind: .moduleOption, path: setting.path, line: setting.line, count: counts.count == 1 ? counts.first ?? nil : nil,
      text: setting.text)
  }
}
