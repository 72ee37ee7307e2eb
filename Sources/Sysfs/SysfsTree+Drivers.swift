import Glibc
import PoolModel

extension SysfsTree {
  /// Waits until each VF of a PF has a driver, `patience` long at most: the first VFs make udev load the module, and a
  /// VF's driver sets its MAC. Returns at once where the kernel doesn't bind drivers to VFs (`sriov_drivers_autoprobe`).
  public func waitForDrivers(pf: String, patience: Duration) {
    let deadline = ContinuousClock.now + patience
    guard (try? FileAccess.read("\(root)/class/net/\(pf)/device/sriov_drivers_autoprobe"))?.trimmed == "1" else {
      return
    }
    while ContinuousClock.now < deadline {
      guard let found = scan().pfs.first(where: { $0.name == pf }), found.vfs.contains(where: { $0.driver == nil })
      else { return }
      usleep(50_000)
    }
  }
}
