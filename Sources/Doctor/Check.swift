/// What one look at the host found.
public struct Check: Codable, Hashable, Sendable {
  public var group: CheckGroup
  public var name: CheckName
  public var verdict: Verdict
  /// What was seen, a sentence a line; never empty.
  public var evidence: [String]
  /// What to type or to do, a step a line; empty unless the verdict is a warning, a fault, or needs root to be known.
  public var fix: [String]

  public init(_ name: CheckName, _ verdict: Verdict, _ evidence: [String], fix: [String] = []) {
    group = name.group
    self.name = name
    self.verdict = verdict
    self.evidence = evidence
    self.fix = fix
  }

  /// What a check says of several things: the evidence for each, or `good` where there is none to give.
  public init(
    _ name: CheckName, _ found: [String], or good: String, as verdict: Verdict = .warning, fix: [String]
  ) {
    if found.isEmpty { self.init(name, .ok, [good]) } else { self.init(name, verdict, found, fix: fix) }
  }
}

/// What comes of a check, the worst last.
public enum Verdict: String, Codable, Hashable, Sendable, CaseIterable {
  case ok
  /// It could not be seen, without root or at all; it counts as no trouble.
  case unknown
  /// It works, but not as well as it could, or not for long.
  case warning
  /// Something can't work.
  case fault
}

extension Verdict: Comparable {
  public static func < (a: Verdict, b: Verdict) -> Bool { a.rank < b.rank }

  private var rank: Int {
    switch self {
    case .ok: 0
    case .unknown: 1
    case .warning: 2
    case .fault: 3
    }
  }
}

/// What a check is about.
public enum CheckGroup: String, Codable, Hashable, Sendable, CaseIterable {
  case vfpoold
  /// The host's firmware, the kernel and what boots it.
  case firmware
  case cards
  /// VFs, and who else sets how many there are.
  case vfs
  /// Bridges, macvtaps and bonds on PFs that have VFs.
  case bridges
  case mtu
  case libvirt
  case ledger
  case pools

  /// For people.
  public var title: String {
    switch self {
    case .vfpoold: "vfpoold"
    case .firmware: "firmware and kernel"
    case .cards: "card and driver"
    case .vfs: "VFs and other writers of their count"
    case .bridges: "PFs in bridges and bonds"
    case .mtu: "MTU"
    case .libvirt: "libvirt and hooks"
    case .ledger: "ledger"
    case .pools: "pools"
    }
  }
}

/// Every check; the names stay the same in later versions.
public enum CheckName: String, Codable, Hashable, Sendable, CaseIterable {
  case daemonAnswers = "vfpoold-answers"
  case daemonProblems = "vfpoold-problems"

  case cpuVirtualization = "cpu-virtualization"
  case kvm = "kvm"
  case iommuFirmware = "iommu-firmware"
  case iommuKernel = "iommu-kernel"
  case iommuPassthrough = "iommu-passthrough"
  case kernelLine = "kernel-line"
  case grubNames = "grub-names"
  case grubPending = "grub-pending"
  case interruptRemapping = "interrupt-remapping"
  case unsafeInterrupts = "unsafe-interrupts"
  case vfioModule = "vfio-module"
  case vfioWithoutIOMMU = "vfio-without-iommu"
  case kernelLockdown = "kernel-lockdown"

  case pfs = "pfs"
  case cardFirmware = "card-firmware"
  case pfDriver = "pf-driver"
  case pfKind = "pf-kind"
  case pfLink = "pf-link"
  case pfNUMA = "pf-numa"
  case pcieLink = "pcie-link"
  case vfAddressSpace = "vf-address-space"

  case vfDrivers = "vf-drivers"
  case vfIsolation = "vf-isolation"
  case countWriters = "count-writers"
  case countNow = "count-now"
  case settingsWriters = "settings-writers"
  case configurationFiles = "configuration-files"

  case pfBridges = "pf-bridges"
  case pfMACVTaps = "pf-macvtaps"
  case pfBonds = "pf-bonds"

  case vfMTU = "vf-mtu"
  case upperMTU = "upper-mtu"
  case poolMTU = "pool-mtu"

  case libvirtInstalled = "libvirt-installed"
  case libvirtDaemons = "libvirt-daemons"
  case hookProgram = "hook-program"
  case hookLinks = "hook-links"
  case hooksSeen = "hooks-seen"
  case hookBypass = "hook-bypass"
  case otherHooks = "other-hooks"
  case guestProfile = "guest-profile"

  case ledgerFile = "ledger-file"
  case ledgerRights = "ledger-rights"
  case ledgerSpace = "ledger-space"
  case ledgerLog = "ledger-log"
  case vfCountsFile = "vf-counts-file"

  case poolPFs = "pool-pfs"
  case poolTrunks = "pool-trunks"
  case poolStarted = "pool-started"
  case poolMode = "pool-mode"
  case poolFree = "pool-free"
  case poolLinks = "pool-links"
  case poolQuarantine = "pool-quarantine"
  case poolDrift = "pool-drift"

  public var group: CheckGroup {
    switch self {
    case .daemonAnswers, .daemonProblems: .vfpoold
    case .cpuVirtualization, .kvm, .iommuFirmware, .iommuKernel, .iommuPassthrough, .kernelLine, .grubNames,
      .grubPending, .interruptRemapping, .unsafeInterrupts, .vfioModule, .vfioWithoutIOMMU, .kernelLockdown:
      .firmware
    case .pfs, .cardFirmware, .pfDriver, .pfKind, .pfLink, .pfNUMA, .pcieLink, .vfAddressSpace: .cards
    case .vfDrivers, .vfIsolation, .countWriters, .countNow, .settingsWriters, .configurationFiles: .vfs
    case .libvirtInstalled, .libvirtDaemons, .hookProgram, .hookLinks, .hooksSeen, .hookBypass, .otherHooks,
      .guestProfile:
      .libvirt
    case .pfBridges, .pfMACVTaps, .pfBonds: .bridges
    case .vfMTU, .upperMTU, .poolMTU: .mtu
    case .ledgerFile, .ledgerRights, .ledgerSpace, .ledgerLog, .vfCountsFile: .ledger
    case .poolPFs, .poolTrunks, .poolStarted, .poolMode, .poolFree, .poolLinks, .poolQuarantine, .poolDrift: .pools
    }
  }
}
