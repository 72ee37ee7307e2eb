import PoolModel

extension SysfsReader {
  /// The disks and partitions that hang on PCI devices, with the way to each, and what the host does with them.
  mutating func disks(_ mounts: HostMounts) -> [(path: [PCIAddress], disk: DeviceDisk)] {
    let spread = spreadFileSystems(mounts)
    var found: [(path: [PCIAddress], disk: DeviceDisk)] = []
    for name in names(in: "\(tree.root)/class/block") {
      guard let target = linkTarget("\(tree.root)/class/block/\(name)") else { continue }
      for path in target.contains("/nvme-subsystem/") ? pathsOfShared(target) : [Self.pciPath(target)]
      where !path.isEmpty {
        found.append((path, DeviceDisk(name: name, use: use(of: name, mounts, spread))))
      }
    }
    return found
  }

  private mutating func linkTarget(_ path: String) -> String? {
    value(path) { (path) throws(Errno) in try FileAccess.linkTarget(path) }
  }

  /// An NVMe disk that several controllers may lead to is a virtual device, beside links to its controllers.
  private mutating func pathsOfShared(_ target: String) -> [[PCIAddress]] {
    let parts = target.split(separator: "/")
    guard let place = parts.firstIndex(of: "nvme-subsystem"), place + 1 < parts.count else { return [] }
    var paths: [[PCIAddress]] = []
    for name in names(in: "\(tree.root)/class/nvme-subsystem/\(parts[place + 1])") {
      let controller = "\(tree.root)/class/nvme/\(name)"
      guard FileAccess.exists(controller), let target = linkTarget(controller) else { continue }
      paths.append(Self.pciPath(target))
    }
    return paths
  }

  /// What the host does with a block device, itself or by way of what is made of it (LVM, RAID, encryption).
  private mutating func use(
    of name: String, _ mounts: HostMounts, _ spread: [String: String], depth: Int = 0
  ) -> String? {
    let folder = "\(tree.root)/class/block/\(name)"
    if let place = text(folder, "dev").flatMap({ mounts.places[$0] }) ?? mounts.placesByName[name] {
      return "is mounted on \(place)"
    }
    if mounts.swaps.contains(name) { return "is swap space" }
    if let use = spread[name] { return use }
    // Deeper than anyone stacks them, and there is no end to a circle.
    guard depth < 8 else { return nil }
    for holder in names(in: folder + "/holders") {
      return use(of: holder, mounts, spread, depth: depth + 1).map { "\($0) by way of \(holder)" }
        ?? "is part of \(holder)"
    }
    return nil
  }

  /// btrfs on several disks: only one of them stands in the list of mounts.
  private mutating func spreadFileSystems(_ mounts: HostMounts) -> [String: String] {
    var uses: [String: String] = [:]
    let folder = "\(tree.root)/fs/btrfs"
    for uuid in names(in: folder) where FileAccess.exists("\(folder)/\(uuid)/devices") {
      let disks = names(in: "\(folder)/\(uuid)/devices")
      let place = disks.lazy.compactMap { mounts.placesByName[$0] }.first
      for disk in disks { uses[disk] = place.map { "is mounted on \($0)" } ?? "is part of a mounted btrfs" }
    }
    return uses
  }
}
