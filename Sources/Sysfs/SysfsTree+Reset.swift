import PoolModel

extension SysfsTree {
  /// Resets a PCI function by itself, as `echo 1 > reset` does (a function-level reset where the card has one), and binds
  /// its driver again, which is taken off before: few drivers of VFs survive a reset. False: the card offers none.
  ///
  /// Fails with `.noSuchDevice`, `.timedOut` when no driver comes back, or `.system` with the errno; the driver is bound
  /// again all the same.
  public func resetFunction(_ pci: PCIAddress) throws(SysfsError) -> Bool {
    let device = folder(of: pci)
    let driver = try driver(of: pci)
    guard FileAccess.exists(device + "/reset") else { return false }
    func write(_ text: String, _ path: String, _ operation: String) throws(SysfsError) {
      do throws(Errno) { try FileAccess.write(text, to: path) } catch {
        throw SysfsError(errno: error.code, operation: operation, subject: "\(pci)")
      }
    }
    if let driver { try write("\(pci)", device + "/driver/unbind", "take driver \(driver) off") }
    let reset = Result { () throws(SysfsError) in try write("1", device + "/reset", "reset") }
    if let driver {
      try write("\(pci)", "\(root)/bus/pci/drivers_probe", "bind a driver to")
      if try self.driver(of: pci) == nil {
        throw SysfsError(
          code: .timedOut, operation: "bind a driver to", subject: "\(pci)", text: "it had \(driver), and has none now")
      }
    }
    try reset.get()
    return true
  }
}
