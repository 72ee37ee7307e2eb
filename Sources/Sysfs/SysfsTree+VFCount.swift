import Glibc

extension SysfsTree {
  /// Sets how many VFs a PF has, as `echo N > /sys/class/net/PF/device/sriov_numvfs`, and returns when they exist.
  ///
  /// Nothing is written when the PF has `count` already. The kernel goes from 0 to N and back only; with `allowReset`
  /// a change from N to M goes by way of 0, which takes every VF away from whoever has it. A PF that is down is set up
  /// before it gets VFs: igb and bnxt_en want it so. Some drivers take a second for each VF; `patience` is for what
  /// comes after the driver has returned.
  /// Fails with `.noSuchDevice`, `.noSRIOV`, `.outOfRange`, `.vfsExist`, `.timedOut`, or `.system` with the errno.
  public func setVFCount(
    _ count: Int, pf: String, allowReset: Bool = false, patience: Duration = .seconds(60)
  ) throws(SysfsError) {
    let operation = "set \(count) VFs on"
    func failure(_ code: SysfsError.Code, _ text: String) -> SysfsError {
      SysfsError(code: code, operation: operation, subject: pf, text: text)
    }
    let device = device(ofNetdev: pf)
    guard FileAccess.exists("\(root)/class/net/\(pf)"), !pf.isEmpty, !pf.contains("/") else {
      throw failure(.noSuchDevice, "there is no such interface")
    }
    guard let now = try number("\(device)/sriov_numvfs", operation, pf) else {
      throw failure(.noSRIOV, "\(pf) offers no SR-IOV")
    }
    if now == count { return }
    if count < 0 { throw failure(.outOfRange, "a count can't be negative") }
    if let most = try number("\(device)/sriov_totalvfs", operation, pf), count > most {
      throw failure(.outOfRange, "\(pf) has at most \(most) VFs")
    }
    if now > 0, count > 0 {
      guard allowReset else {
        throw failure(.vfsExist, "\(pf) has \(now) VFs; changing that takes all of them away first")
      }
      try write(0, device, operation, pf)
      try waitForVFs(0, device, operation, pf, patience)
    }
    if count > 0 { try setUp(pf, operation) }
    try write(count, device, operation, pf)
    try waitForVFs(count, device, operation, pf, patience)
  }

  private func setUp(_ pf: String, _ operation: String) throws(SysfsError) {
    let path = "\(root)/class/net/\(pf)/flags"
    do throws(Errno) {
      let text = try FileAccess.read(path).trimmed
      guard let flags = UInt32(text.drop { $0 == "0" || $0 == "x" }, radix: 16), flags & UInt32(IFF_UP) == 0 else {
        return
      }
      try FileAccess.write("0x" + String(flags | UInt32(IFF_UP), radix: 16), to: path)
    } catch {
      if error.meansAbsent { return }
      throw SysfsError(errno: error.code, operation: "set up", subject: "\(pf) before it gets VFs")
    }
  }

  private func write(_ count: Int, _ device: String, _ operation: String, _ pf: String) throws(SysfsError) {
    do throws(Errno) {
      try FileAccess.write("\(count)", to: device + "/sriov_numvfs")
    } catch {
      throw SysfsError(errno: error.code, operation: operation, subject: pf)
    }
  }

  /// A PCI PF has one `virtfnN` link a VF; netdevsim's VFs exist when the write returns.
  private func waitForVFs(
    _ count: Int, _ device: String, _ operation: String, _ pf: String, _ patience: Duration
  ) throws(SysfsError) {
    guard FileAccess.exists(device + "/sriov_totalvfs") else { return }
    let deadline = ContinuousClock.now + patience
    while true {
      let names: [String]
      do throws(Errno) {
        names = try FileAccess.names(in: device)
      } catch {
        throw SysfsError(errno: error.code, operation: operation, subject: pf)
      }
      let there = names.count { $0.hasPrefix("virtfn") }
      if there == count { return }
      guard ContinuousClock.now < deadline else {
        throw SysfsError(
          code: .timedOut, operation: operation, subject: pf, text: "after \(patience) it has \(there) VFs")
      }
      usleep(20_000)
    }
  }

  /// Nil when there is no such file.
  private func number(_ path: String, _ operation: String, _ pf: String) throws(SysfsError) -> Int? {
    let text: String
    do throws(Errno) {
      text = try FileAccess.read(path).trimmed
    } catch {
      if error.meansAbsent { return nil }
      throw SysfsError(errno: error.code, operation: operation, subject: pf)
    }
    guard let number = Int(text) else {
      throw SysfsError(
        code: .malformed, operation: operation, subject: pf, text: "\(path) holds “\(text)”, which is no number")
    }
    return number
  }
}
