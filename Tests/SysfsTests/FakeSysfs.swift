import Glibc
import HostFakes

@testable import Sysfs

/// A folder that looks like sysfs, as far as SR-IOV needs it; gone when the last reference is.
final class FakeSysfs {
  private let host: FakeHost
  var root: String { host.root }
  var tree: SysfsTree { SysfsTree(root: root) }

  init() throws { host = try FakeHost() }

  func file(_ path: String, _ content: String) throws { try host.file("/" + path, content) }

  func folder(_ path: String) throws { try host.folder(path) }

  func link(_ path: String, to target: String) throws {
    unlink("\(root)/\(path)")
    try host.link("/" + path, to: target)
  }

  func content(_ path: String) throws -> String { try FileAccess.read("\(root)/\(path)") }

  func remove(_ path: String) { host.remove("/" + path) }

  /// A PF with its netdev; `class/net/NAME` shows the same folder, as in sysfs.
  func pf(
    _ pci: String, _ netdev: String, ifindex: Int, total: Int = 7, vfs: Int = 0, mac: String = "52:54:00:aa:00:01",
    numa: Int = -1
  ) throws {
    let device = "bus/pci/devices/\(pci)"
    try file("\(device)/sriov_totalvfs", "\(total)\n")
    try file("\(device)/sriov_numvfs", "\(vfs)\n")
    try file("\(device)/numa_node", "\(numa)\n")
    try link("\(device)/driver", to: "../../drivers/igb")
    try self.netdev(netdev, of: device, ifindex: ifindex, mac: mac)
  }

  func netdev(_ name: String, of device: String, ifindex: Int, mac: String = "52:54:00:aa:00:01", port: Int = 0) throws
  {
    let net = "\(device)/net/\(name)"
    try file("\(net)/ifindex", "\(ifindex)\n")
    try file("\(net)/address", "\(mac)\n")
    try file("\(net)/mtu", "1500\n")
    try file("\(net)/type", "1\n")
    try file("\(net)/dev_port", "\(port)\n")
    try file("\(net)/flags", "0x1002\n")
    try link("\(net)/device", to: "../..")
    try link("class/net/\(name)", to: "../../\(net)")
  }

  /// A VF of a PF; without a driver unless one is named.
  func vf(_ index: Int, of pf: String, at pci: String, driver: String? = nil, group: Int? = nil) throws {
    let device = "bus/pci/devices/\(pci)"
    try file("\(device)/numa_node", "0\n")
    try link("\(device)/physfn", to: "../\(pf)")
    if let driver { try link("\(device)/driver", to: "../../drivers/\(driver)") }
    if let group { try link("\(device)/iommu_group", to: "../../../../kernel/iommu_groups/\(group)") }
    try link("bus/pci/devices/\(pf)/virtfn\(index)", to: "../\(pci)")
  }

  /// Any PCI device, as far as it says what it is.
  func device(
    _ pci: String, class classCode: String = "0x020000", vendor: String = "0x8086", device: String = "0x10c9",
    driver: String? = nil, group: Int? = nil
  ) throws {
    let folder = "bus/pci/devices/\(pci)"
    try file("\(folder)/class", classCode + "\n")
    try file("\(folder)/vendor", vendor + "\n")
    try file("\(folder)/device", device + "\n")
    if let driver { try link("\(folder)/driver", to: "../../../bus/pci/drivers/\(driver)") }
    if let group { try link("\(folder)/iommu_group", to: "../../../../kernel/iommu_groups/\(group)") }
  }

  /// A block device; `target` is what its link in `class/block` points to.
  func disk(_ name: String, number: String, target: String, holders: [String] = []) throws {
    let folder = target.replacing("../../", with: "")
    try file("\(folder)/dev", number + "\n")
    try self.folder("\(folder)/holders")
    for holder in holders { try link("\(folder)/holders/\(holder)", to: "../../../\(holder)") }
    try link("class/block/\(name)", to: target)
  }
}
