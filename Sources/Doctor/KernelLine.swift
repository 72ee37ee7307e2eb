/// The words of a kernel's command line.
struct KernelLine: Hashable, Sendable {
  var words: [String]

  init(words: [String]) { self.words = words }

  /// What the running kernel was started with; nil when it can't be read.
  init?(_ files: HostFiles) {
    guard let text = files.text("/proc/cmdline") else { return nil }
    words = text.split(whereSeparator: \.isWhitespace).map(String.init)
  }

  /// The values of an option in their order; each may be a list: `intel_iommu=on,sm_on`.
  func values(of option: String) -> [Substring] {
    words.filter { $0.hasPrefix(option + "=") }.flatMap { $0.dropFirst(option.count + 1).split(separator: ",") }
  }

  /// The words that assign to one of these options.
  func words(of options: [String]) -> [String] {
    words.filter { word in options.contains { word == $0 || word.hasPrefix($0 + "=") } }
  }

  /// The options that have to do with passing devices through.
  static let options = [
    "intel_iommu", "amd_iommu", "iommu", "iommu.passthrough", "intremap", "nointremap", "pci",
    "vfio_iommu_type1.allow_unsafe_interrupts", "vfio-pci.ids", "vfio_pci.ids",
  ]

  /// The words that turn the IOMMU off (the kernel's `Documentation/admin-guide/kernel-parameters.txt`).
  var wordsAgainstIOMMU: [String] {
    ["intel_iommu", "amd_iommu", "iommu"].flatMap { option in
      values(of: option).last { ["on", "off", "force"].contains($0) } == "off"
        ? words(of: [option]).filter { $0.hasSuffix("off") || $0.contains("off,") } : []
    }
  }

  var hasIntelIOMMU: Bool { values(of: "intel_iommu").last { $0 == "on" || $0 == "off" } == "on" }

  var hasPassthrough: Bool {
    values(of: "iommu").contains("pt") || values(of: "iommu.passthrough").last.map { $0 == "1" || $0 == "on" } ?? false
  }

  var wordsAgainstRemapping: [String] {
    (values(of: "intremap").contains("off") ? words(of: ["intremap"]) : []) + words.filter { $0 == "nointremap" }
  }

  /// Words that the kernel passes over without saying so, and what was probably meant: the RHEL 7 guide has one.
  var mistakes: [(word: String, meant: String)] {
    words.compactMap { word in
      switch word {
      case "intel_iommu=pt", "intel_iommu=on,pt", "intel_iommu=pt,on": (word, "intel_iommu=on iommu=pt")
      case "amd_iommu=pt", "amd_iommu=on,pt", "amd_iommu=pt,on": (word, "iommu=pt")
      case "intel_iommu=1", "intel_iommu=yes", "intel_iommu": (word, "intel_iommu=on")
      default: nil
      }
    }
  }

  /// Words that mean nothing to the kernel and do no harm.
  var idleWords: [String] { words.filter { ["amd_iommu=on", "iommu=on"].contains($0) } }
}
