import PoolModel

/// Reads files of sysfs that may be gone at any time, which is no problem, and collects what is wrong with the others.
struct SysfsReader {
  let tree: SysfsTree
  var problems: [String] = []
  /// Who is in each IOMMU group and with which driver of the host's, if that keeps the group from guests; as read so far.
  private var groups: [Int: [(pci: PCIAddress, blocker: String?)]] = [:]

  init(_ tree: SysfsTree) { self.tree = tree }

  mutating func value<Value>(_ path: String, _ read: (String) throws(Errno) -> Value) -> Value? {
    do throws(Errno) {
      return try read(path)
    } catch {
      if !error.meansAbsent { problems.append("\(path): \(error.text)") }
      return nil
    }
  }

  mutating func names(in path: String) -> [String] {
    value(path) { (path) throws(Errno) in try FileAccess.names(in: path) } ?? []
  }

  mutating func linkName(_ path: String) -> String? {
    value(path) { (path) throws(Errno) in try FileAccess.linkName(path) }
  }

  /// The NUMA node of a device, by the device's folder; the kernel says -1 for none.
  mutating func numaNode(of device: String) -> Int? {
    optionalNumber(device, "numa_node").flatMap { $0 < 0 ? nil : $0 }
  }

  /// The IOMMU group of a PCI device, by the device's folder.
  mutating func iommuGroup(of device: String, _ pci: PCIAddress) -> IOMMUGroup? {
    guard let number = linkName(device, "iommu_group").flatMap({ Int($0) }) else { return nil }
    let members = groups[number] ?? members(ofGroup: number)
    groups[number] = members
    let others = members.filter { $0.pci != pci }
    return IOMMUGroup(
      number, others: others.map(\.pci),
      blockers: others.compactMap { other in other.blocker.map { .init(pci: other.pci, driver: $0) } })
  }

  private mutating func members(ofGroup number: Int) -> [(pci: PCIAddress, blocker: String?)] {
    let members = names(in: "\(tree.root)/kernel/iommu_groups/\(number)/devices").compactMap { PCIAddress($0) }.sorted()
    // Most devices have a group of their own: nobody asks for their driver.
    guard members.count > 1 else { return members.map { ($0, nil) } }
    return members.map { pci in
      let device = tree.folder(of: pci)
      guard let driver = linkName(device, "driver") else { return (pci, nil) }
      let deviceClass = UInt16(truncatingIfNeeded: (hexadecimal(device, "class") ?? 0) >> 8)
      return (pci, PCIDevice.blocksItsGroup(driver: driver, deviceClass: deviceClass) ? driver : nil)
    }
  }

  /// The CPUs of each NUMA node.
  mutating func numaNodes() -> [Int: Set<Int>] {
    let folder = "\(tree.root)/devices/system/node"
    var nodes: [Int: Set<Int>] = [:]
    // A kernel without NUMA has no such folder.
    for name in names(in: folder) where name.hasPrefix("node") {
      guard let node = Int(name.dropFirst("node".count)) else { continue }
      nodes[node] = text("\(folder)/\(name)", "cpulist").flatMap { Set(list: $0) }
    }
    return nodes
  }

  mutating func linkName(_ folder: String, _ name: String) -> String? { linkName("\(folder)/\(name)") }

  mutating func text(_ folder: String, _ name: String) -> String? {
    value("\(folder)/\(name)") { (path) throws(Errno) in try FileAccess.read(path) }?.trimmed
  }

  mutating func number(_ folder: String, _ name: String) -> Int? {
    guard let text = text(folder, name) else { return nil }
    guard let number = Int(text) else {
      problems.append("\(folder)/\(name) holds “\(text)”, which is no number")
      return nil
    }
    return number
  }

  /// A file that not every kernel or device has, or has filled.
  mutating func optionalNumber(_ folder: String, _ name: String) -> Int? {
    text(folder, name).flatMap { Int($0) }
  }
}

extension StringProtocol {
  /// Without white space around it.
  package var trimmed: String {
    var text = Substring(self).drop { $0.isWhitespace }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
