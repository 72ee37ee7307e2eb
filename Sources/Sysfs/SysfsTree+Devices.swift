import PoolModel

extension SysfsTree {
  /// Every PCI device of the host, with its network interfaces (only their names) and its disks.
  ///
  /// What vanishes while it is read is left out; what can't be made sense of is a problem, and the rest is read.
  public func pciDevices(mounts: HostMounts) -> DeviceInventory {
    var reader = SysfsReader(self)
    let netdevs = reader.netdevs()
    let disks = reader.disks(mounts)
    var devices: [PCIDevice] = []
    for name in reader.names(in: "\(root)/bus/pci/devices") {
      guard var device = reader.pciDevice(name) else { continue }
      // What is further down belongs to the one that leads there, too (Intel's VMD), unless that is a mere bridge.
      if device.kind != .bridge {
        device.netdevs = netdevs.filter { $0.path.contains(device.pci) }.map { DeviceNetdev(name: $0.name) }
        device.disks = disks.filter { $0.path.contains(device.pci) }.map(\.disk)
        device.isElsewhere = device.netdevs.isEmpty && FileAccess.exists("\(folder(of: device.pci))/net")
      }
      devices.append(device)
    }
    return DeviceInventory(devices: devices.sorted { $0.pci < $1.pci }, problems: reader.problems)
  }
}

extension SysfsReader {
  /// The PCI devices on the way to a device whose folder a link points to, the nearest one last.
  static func pciPath(_ target: String) -> [PCIAddress] {
    target.split(separator: "/").compactMap { $0.utf8.count >= 12 ? PCIAddress(String($0)) : nil }
  }

  /// The network interfaces of this network namespace that hang on PCI devices, whatever is in between (virtio, USB).
  fileprivate mutating func netdevs() -> [(name: String, path: [PCIAddress])] {
    names(in: "\(tree.root)/class/net").compactMap { name in
      // `bonding_masters` is no link, and no interface.
      guard let target = try? FileAccess.linkTarget("\(tree.root)/class/net/\(name)") else { return nil }
      let path = Self.pciPath(target)
      return path.isEmpty ? nil : (name, path)
    }
  }

  fileprivate mutating func pciDevice(_ name: String) -> PCIDevice? {
    let device = "\(tree.root)/bus/pci/devices/\(name)"
    guard let pci = PCIAddress(name) else {
      problems.append("\(device): this is no PCI address")
      return nil
    }
    guard let classCode = hexadecimal(device, "class"),
      let vendor = hexadecimal(device, "vendor").flatMap(UInt16.init(exactly:)),
      let id = hexadecimal(device, "device").flatMap(UInt16.init(exactly:))
    else { return nil }
    let ids = PCIIDs(
      deviceClass: UInt16(truncatingIfNeeded: classCode >> 8), vendor: vendor, device: id,
      subsystemVendor: hexadecimal(device, "subsystem_vendor").flatMap(UInt16.init(exactly:)),
      subsystemDevice: hexadecimal(device, "subsystem_device").flatMap(UInt16.init(exactly:)),
      revision: hexadecimal(device, "revision").flatMap(UInt8.init(exactly:)))
    let override = text(device, "driver_override")
    return PCIDevice(
      pci: pci, ids: ids, driver: linkName(device, "driver"),
      // The kernel prints a missing text as C's library does.
      driverOverride: override == "(null)" || override == "" ? nil : override,
      numaNode: numaNode(of: device),
      iommuGroup: linkName(device, "iommu_group").flatMap { Int($0) },
      pf: linkName(device, "physfn").flatMap { PCIAddress($0) },
      numVFs: optionalNumber(device, "sriov_numvfs"), totalVFs: optionalNumber(device, "sriov_totalvfs"),
      resetMethods: resetMethods(device),
      vfioNode: FileAccess.exists(device + "/vfio-dev") ? names(in: device + "/vfio-dev").first : nil,
      parts: parts(device), charNodes: charNodes(device))
  }

  private mutating func parts(_ device: String) -> [String] {
    names(in: device).compactMap { name in
      // A mediated device is a folder with its UUID for a name.
      if name.utf8.count == 36, name.count(where: { $0 == "-" }) == 4 { return "mediated device \(name)" }
      return name.hasPrefix("vdpa") && name.dropFirst(4).allSatisfy(\.isNumber) ? "vDPA device \(name)" : nil
    }
  }

  private mutating func charNodes(_ device: String) -> [String] {
    [("drm", "dri"), ("infiniband_verbs", "infiniband"), ("infiniband_mad", "infiniband")].flatMap { kind, folder in
      FileAccess.exists("\(device)/\(kind)") ? names(in: "\(device)/\(kind)").map { "/dev/\(folder)/\($0)" } : []
    }
  }

  private mutating func resetMethods(_ device: String) -> [String] {
    guard FileAccess.exists(device + "/reset") else { return [] }
    // Before Linux 5.15 there is no more to know than that it can be reset.
    return text(device, "reset_method")?.split(separator: " ").map(String.init) ?? ["unknown"]
  }

  /// `0x8086`
  mutating func hexadecimal(_ folder: String, _ name: String) -> UInt32? {
    guard let text = text(folder, name) else { return nil }
    guard text.hasPrefix("0x"), let number = UInt32(text.dropFirst(2), radix: 16) else {
      problems.append("\(folder)/\(name) holds “\(text)”, which is no hexadecimal number")
      return nil
    }
    return number
  }
}
