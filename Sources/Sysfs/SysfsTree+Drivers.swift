import Glibc
import PoolModel

extension SysfsTree {
  /// Waits until each VF of a PF has a driver, `patience` long at most: the first VFs make udev load the module, and a
  /// VF's driver sets its MAC. Returns at once where the kernel doesn't bind drivers to VFs (`sriov_drivers_autoprobe`).
  public func waitForDrivers(pf: String, patience: Duration, wait: DeviceWait = Self.pause) {
    let deadline = ContinuousClock.now + patience
    guard probesNewVFs(ofNetdev: pf) == true else { return }
    while hasDriverlessVF(device(ofNetdev: pf)) {
      let rest = deadline - .now
      guard rest > .zero else { return }
      wait(rest)
    }
  }

  private func hasDriverlessVF(_ device: String) -> Bool {
    let links = (try? FileAccess.names(in: device))?.filter { $0.hasPrefix("virtfn") } ?? []
    return links.contains { (try? FileAccess.linkName("\(device)/\($0)/driver")) == nil }
  }

  /// Waits until a PCI device has a driver, `patience` long at most, and returns it; nil = it still has none. udev may
  /// have to load the module first.
  public func waitForDriver(of pci: PCIAddress, patience: Duration) throws(SysfsError) -> String? {
    let deadline = ContinuousClock.now + patience
    while true {
      if let driver = try driver(of: pci) { return driver }
      guard ContinuousClock.now < deadline else { return nil }
      usleep(50_000)
    }
  }
}
