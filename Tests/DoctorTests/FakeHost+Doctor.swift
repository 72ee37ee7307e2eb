import Doctor
import HostFakes

extension FakeHost {
  func check(_ name: CheckName, isRoot: Bool = true) -> Check? {
    Examination(root: root, isRoot: isRoot).checks().first { $0.name == name }
  }

  enum Vendor: CaseIterable, Sendable { case intel, amd }

  /// A host whose firmware and kernel are as they should be, on Debian; `table` and `groups` are the IOMMU's.
  convenience init(
    _ vendor: Vendor, table: Bool = true, line: String? = nil, groups: Int = 14, flags: String? = nil,
    release: String = "ID=debian\nVERSION_ID=\"12\"\n", grub: String? = nil
  ) throws {
    let isIntel = vendor == .intel
    let right = isIntel ? "intel_iommu=on iommu=pt" : "iommu=pt"
    try self.init([
      "/proc/cpuinfo": """
      processor\t: 0
      vendor_id\t: \(isIntel ? "GenuineIntel" : "AuthenticAMD")
      flags\t\t: fpu \(flags ?? (isIntel ? "vmx" : "svm"))

      """,
      "/proc/cmdline": "BOOT_IMAGE=/vmlinuz quiet \(line ?? right)\n",
      "/proc/interrupts": "  24:  1  IR-PCI-MSI 1-edge  nvme0q0\n",
      "/etc/os-release": release,
      "/dev/kvm": "",
      "/proc/sys/kernel/osrelease": "6.12.0\n",
      "/lib/modules/6.12.0/modules.dep": "kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/drivers/vfio/vfio.ko.xz\n",
      "/etc/default/grub": grub ?? "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet \(line ?? right)\"\nGRUB_CMDLINE_LINUX=\"\"\n",
    ])
    try folder("/sys/firmware/acpi/tables")
    if table { try file("/sys/firmware/acpi/tables/\(isIntel ? "DMAR" : "IVRS")", bytes: Self.dmar(flags: 1)) }
    for group in 0..<groups { try folder("/sys/kernel/iommu_groups/\(group)/devices") }
    if groups > 0 { try folder("/sys/class/iommu/\(isIntel ? "dmar0" : "ivhd0")") }
  }

  /// An ACPI table of 48 bytes with the flags of a DMAR.
  static func dmar(flags: UInt8) -> [UInt8] {
    var table = [UInt8](repeating: 0xff, count: 48)
    table[37] = flags
    return table
  }

  /// A PF with its netdev.
  func pf(
    _ name: String, at pci: String, total: Int = 7, vfs: Int = 0, driver: String? = "igb", flags: String = "0x1003",
    carrier: String = "1", group: Int = 1
  ) throws {
    let device = "/sys/bus/pci/devices/\(pci)"
    for (file, text) in [
      ("class", "0x020000"), ("vendor", "0x8086"), ("sriov_totalvfs", "\(total)"), ("sriov_numvfs", "\(vfs)"),
      ("numa_node", "-1"), ("net/\(name)/ifindex", "2"), ("net/\(name)/address", "52:54:00:aa:00:01"),
      ("net/\(name)/type", "1"), ("net/\(name)/flags", flags), ("net/\(name)/carrier", carrier),
    ] { try self.file("\(device)/\(file)", text + "\n") }
    if let driver { try link("\(device)/driver", to: "../../../bus/pci/drivers/\(driver)") }
    try link("\(device)/iommu_group", to: "../../../../kernel/iommu_groups/\(group)")
    try link("/sys/class/net/\(name)", to: "../../bus/pci/devices/\(pci)/net/\(name)")
  }

  func vf(_ index: Int, of pf: String, at pci: String, driver: String? = "igbvf", group: Int? = nil) throws {
    let device = "/sys/bus/pci/devices/\(pci)"
    try link("\(device)/physfn", to: "../\(pf)")
    try file("\(device)/class", "0x020000\n")
    if let driver { try link("\(device)/driver", to: "../../../bus/pci/drivers/\(driver)") }
    if let group {
      try link("\(device)/iommu_group", to: "../../../../kernel/iommu_groups/\(group)")
      try folder("/sys/kernel/iommu_groups/\(group)/devices/\(pci)")
    }
    try link("/sys/bus/pci/devices/\(pf)/virtfn\(index)", to: "../\(pci)")
  }
}

extension FakeHost {
  /// An interface that is no card's.
  func netdev(_ name: String, type: String? = nil, mtu: Int = 1500) throws {
    let net = "/sys/class/net/\(name)"
    try file("\(net)/flags", "0x1003\n")
    try file("\(net)/mtu", "\(mtu)\n")
    if let type { try file("\(net)/uevent", "DEVTYPE=\(type)\nINTERFACE=\(name)\n") }
  }

  /// A bridge with the MAC of the first PF.
  func bridge(_ name: String, ports: [String], mtu: Int = 1500) throws {
    try netdev(name, type: "bridge", mtu: mtu)
    try file("/sys/class/net/\(name)/address", "52:54:00:aa:00:01\n")
    try file("/sys/class/net/\(name)/bridge/vlan_filtering", "0\n")
    for port in ports {
      try link("/sys/class/net/\(name)/brif/\(port)", to: "../../\(port)/brport")
      try link("/sys/class/net/\(port)/master", to: "../\(name)")
      for file in ["learning", "unicast_flood"] { try self.file("/sys/class/net/\(port)/brport/\(file)", "1\n") }
    }
  }
}
