/// Whose IOMMU it is.
enum IOMMUKind: Hashable, Sendable, CaseIterable {
  case intel, amd

  /// What the vendor calls it.
  var name: String {
    switch self {
    case .intel: "VT-d"
    case .amd: "AMD-Vi (IOMMU)"
    }
  }

  /// The ACPI table by which the firmware tells of it.
  var table: String {
    switch self {
    case .intel: "DMAR"
    case .amd: "IVRS"
    }
  }

  /// The words of the kernel's command line that are right for guests' devices.
  var words: [String] {
    switch self {
    case .intel: ["intel_iommu=on", "iommu=pt"]
    case .amd: ["iommu=pt"]
    }
  }
}

/// What there is of an IOMMU.
struct IOMMUState: Hashable, Sendable {
  /// The kind that the firmware tells of by an ACPI table; where it tells of none, that of the processor's vendor. A
  /// virtual machine may have another vendor's. Nil = neither Intel's nor AMD's.
  var kind: IOMMUKind?
  /// Whether the firmware tells of it; nil when the kernel shows no tables.
  var isInFirmware: Bool?
  /// The units that the kernel uses: `dmar0`, `ivhd0`.
  var units: [String]
  var groupCount: Int
  /// vfio hands devices out without any IOMMU, in groups of its own.
  var isBypassed: Bool

  init(_ files: HostFiles, _ processor: Processor) {
    let tables = files.names(in: "/sys/firmware/acpi/tables")
    let told = IOMMUKind.allCases.first { tables?.contains($0.table) ?? false }
    isInFirmware = tables.map { _ in told != nil }
    kind = told ?? processor.iommuKind
    units = files.names(in: "/sys/class/iommu") ?? []
    groupCount = files.names(in: "/sys/kernel/iommu_groups")?.count ?? 0
    isBypassed = files.text("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode") == "Y"
  }

  /// Whether the kernel uses an IOMMU.
  var isOn: Bool { groupCount > 0 && !(isBypassed && units.isEmpty) }
}
