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

  func folder(of pci: PCIAddress) -> String { "\(root)/bus/pci/devices/\(pci)" }
  /// The folder of a netdev's device.
  func device(ofNetdev name: String) -> String { "\(root)/class/net/\(name)/device" }
}
