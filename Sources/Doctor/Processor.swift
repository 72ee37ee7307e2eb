import Sysfs

/// What `/proc/cpuinfo` says of the first processor.
struct Processor: Hashable, Sendable {
  enum Vendor: Hashable, Sendable { case intel, amd, other }

  var vendor: Vendor
  var flags: Set<String>

  init(_ files: HostFiles) {
    let fields = (files.text("/proc/cpuinfo") ?? "").split(separator: "\n").prefix(64).map {
      $0.split(separator: ":", maxSplits: 1).map { $0.trimmed }
    }
    let value = { (name: String) in fields.first { $0.count == 2 && $0[0] == name }?[1] }
    vendor =
      switch value("vendor_id") {
      case "GenuineIntel": .intel
      case "AuthenticAMD", "HygonGenuine": .amd
      default: .other
      }
    flags = Set((value("flags") ?? "").split(separator: " ").map(String.init))
  }

  /// The host is a virtual machine itself.
  var isVirtual: Bool { flags.contains("hypervisor") }

  /// Whose IOMMU goes with it.
  var iommuKind: IOMMUKind? {
    switch vendor {
    case .intel: .intel
    case .amd: .amd
    case .other: nil
    }
  }

  /// What the vendor calls virtualization, its flag in `/proc/cpuinfo`, and KVM's module for it.
  var virtualization: (name: String, flag: String, module: String)? {
    switch vendor {
    case .intel: ("Intel VT-x", "vmx", "kvm_intel")
    case .amd: ("AMD-V (SVM)", "svm", "kvm_amd")
    case .other: nil
    }
  }
}
