import HostConfig
import Sysfs

/// How this host's kernel command line is changed: files and commands differ between distributions.
struct BootLoader: Hashable, Sendable {
  enum Family: Hashable, Sendable {
    /// `update-grub`
    case debian
    /// `grubby`: RHEL and its kin from 8 on, Fedora.
    case grubby
    /// `grub2-mkconfig`: RHEL 7 and its kin. `vendor`: its folder in the EFI system partition.
    case rhel7(vendor: String)
    /// `grub2-mkconfig`
    case suse
    case other
  }

  var family: Family
  var isUEFI: Bool
  /// Nil where GRUB isn't set up by `/etc/default/grub`.
  var grub: GrubDefaults?
  /// What GRUB was last told to give the kernel, as far as it can be read; nil = it can't.
  var generated: String?

  init(_ files: HostFiles, _ grub: GrubDefaults?) {
    family = Self.family(files.text("/etc/os-release") ?? files.text("/usr/lib/os-release") ?? "")
    isUEFI = files.exists("/sys/firmware/efi")
    self.grub = grub
    generated = generatedPath.flatMap { files.text($0) }
  }

  private static func family(_ release: String) -> Family {
    var fields: [Substring: String] = [:]
    for line in release.split(separator: "\n") {
      let halves = line.split(separator: "=", maxSplits: 1)
      if halves.count == 2 { fields[halves[0]] = halves[1].filter { $0 != "\"" && $0 != "'" }.lowercased() }
    }
    let id = fields["ID"] ?? ""
    let kin = Set([id] + (fields["ID_LIKE"] ?? "").split(separator: " ").map(String.init))
    if !kin.isDisjoint(with: ["debian", "ubuntu"]) { return .debian }
    if !kin.isDisjoint(with: ["rhel", "centos", "fedora"]) {
      let major = (fields["VERSION_ID"] ?? "").prefix { $0 != "." }
      let isOld = id != "fedora" && Int(major).map { $0 < 8 } ?? false
      return isOld ? .rhel7(vendor: id == "rhel" ? "redhat" : id) : .grubby
    }
    return kin.contains { $0.contains("suse") } ? .suse : .other
  }

  /// What GRUB reads at boot.
  private var generatedPath: String? {
    switch family {
    case .debian: "/boot/grub/grub.cfg"
    case .rhel7(let vendor) where isUEFI: "/boot/efi/EFI/\(vendor)/grub.cfg"
    case .rhel7, .suse: "/boot/grub2/grub.cfg"
    case .grubby, .other: nil
    }
  }

  /// The setting that an admin's words for each usual boot belong into.
  private var key: String {
    if case .rhel7 = family { "GRUB_CMDLINE_LINUX" } else { "GRUB_CMDLINE_LINUX_DEFAULT" }
  }

  /// The steps after GRUB's settings were changed.
  var apply: [String] {
    switch family {
    case .debian: ["update-grub", "reboot"]
    case .rhel7, .suse: ["grub2-mkconfig -o \(generatedPath ?? "/boot/grub2/grub.cfg")", "reboot"]
    case .grubby, .other: ["reboot"]
    }
  }

  /// The steps that put words on the kernel's command line and take others off it, from the next boot on.
  func steps(add: [String] = [], remove: [String] = []) -> [String] {
    if family == .grubby {
      let options = [("args", add), ("remove-args", remove)].filter { !$0.1.isEmpty }.map { option, words in
        " --\(option)=\"\(words.joined(separator: " "))\""
      }
      return ["grubby --update-kernel=ALL\(options.joined())", "reboot"]
    }
    guard family != .other, let grub else {
      let changes = [("add", add), ("remove", remove)].filter { !$0.1.isEmpty }.map { verb, words in
        "\(verb) \(words.joined(separator: " "))"
      }
      return ["on the kernel's command line, in your boot loader's configuration: \(changes.joined(separator: ", "))"]
        + ["reboot"]
    }
    return edits(grub, add: add, remove: remove) + apply
  }

  /// The lines of GRUB's settings as they should be.
  private func edits(_ grub: GrubDefaults, add: [String], remove: [String]) -> [String] {
    var settings = grub.commandLineSettings
    if grub.setting(key) == nil {
      settings.append(GrubDefaults.Setting(path: GrubDefaults.path, line: 0, key: key, value: ""))
    }
    let kept = settings.map { KernelLine($0).words.filter { !remove.contains($0) } }
    let missing = add.filter { word in !kept.contains { $0.contains(word) } }
    return zip(settings, kept).compactMap { setting, kept in
      let words = kept + (setting.key == key ? missing : [])
      return words == KernelLine(setting).words
        ? nil : "in \(setting.path): \(setting.key)=\"\(words.joined(separator: " "))\""
    }
  }
}

extension KernelLine {
  init(_ setting: GrubDefaults.Setting) {
    self.init(words: setting.value.split(whereSeparator: \.isWhitespace).map(String.init))
  }
}
