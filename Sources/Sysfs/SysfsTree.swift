import PoolModel

/// The kernel's sysfs, or a folder that looks like it. Calls block for as long as the kernel takes.
public struct SysfsTree: Sendable {
  /// Without a slash at its end.
  public let root: String

  public init(root: String = "/sys") { self.root = root }

  /// The driver that is bound to a PCI device; nil = none. Fails with `.noSuchDevice`.
  public func driver(of pci: PCIAddress) throws(SysfsError) -> String? {
    let device = folder(of: pci)
    do throws(Errno) {
      return try FileAccess.linkName(device + "/driver")
    } catch {
      guard error.meansAbsent else {
        throw SysfsError(errno: error.code, operation: "read the driver of", subject: "\(pci)")
      }
      guard FileAccess.exists(device) else {
        throw SysfsError(
          code: .noSuchDevice, operation: "read the driver of", subject: "\(pci)", errno: error.code,
          text: "there is no such PCI device")
      }
      return nil
    }
  }

  /// The speed of a netdev's link in Mbit/s; nil where its driver doesn't know, as without a carrier.
  public func speed(ofNetdev name: String) -> Int? {
    number("\(root)/class/net/\(name)/speed").flatMap { (1..<Int(UInt32.max)).contains($0) ? $0 : nil }
  }

  /// Whether drivers are bound to new VFs of a PF by themselves (`sriov_drivers_autoprobe`); nil where the kernel has no
  /// such switch.
  public func probesNewVFs(ofNetdev name: String) -> Bool? {
    number(device(ofNetdev: name) + "/sriov_drivers_autoprobe").map { $0 != 0 }
  }

  private func number(_ path: String) -> Int? { (try? FileAccess.read(path)).flatMap { Int($0.trimmed) } }

  func folder(of pci: PCIAddress) -> String { "\(root)/bus/pci/devices/\(pci)" }
  /// The folder of a netdev's device.
  func device(ofNetdev name: String) -> String { "\(root)/class/net/\(name)/device" }
}
