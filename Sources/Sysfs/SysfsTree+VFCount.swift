import Glibc
import PoolModel

/// Returns when a device may have come or gone, at the latest after as long as it is told.
public typealias DeviceWait = (Duration) -> Void

extension SysfsTree {
  /// Waits without being told of anything.
  public static func pause(_ most: Duration) { usleep(UInt32(min(most, .milliseconds(20)) / .microseconds(1))) }

  /// Sets how many VFs a PF has, as `echo N > /sys/class/net/PF/device/sriov_numvfs`, and returns when they exist.
  ///
  /// Nothing is written when the PF has `count` already. The kernel goes from 0 to N and back only; with `allowReset`
  /// a change from N to M goes by way of 0, which takes every VF away from whoever has it. A PF that is down is set up
  /// before it gets VFs: igb and bnxt_en want it so. Some drivers take a second for each VF; `patience` is for what
  /// comes after the driver has returned. `wait` returns when a device may have come or gone, at the latest after as long
  /// as it is told.
  /// Fails with `.noSuchDevice`, `.noSRIOV`, `.outOfRange`, `.vfsExist`, `.timedOut`, or `.system` with the errno.
  public func setVFCount(
    _ count: Int, pf: String, allowReset: Bool = false, patience: Duration = .seconds(300),
    wait: DeviceWait = Self.pause
  ) throws(SysfsError) {
    // A PF without a netdev goes by its address.
    try setVFCount(
      count, pf: pf, device: PCIAddress(pf).map(folder) ?? device(ofNetdev: pf), allowReset: allowReset,
      patience: patience, wait: wait)
  }

  /// The same for a PF whose folder is known, so that its netdev may be renamed meanwhile.
  func setVFCount(
    _ count: Int, pf: String, device: String, allowReset: Bool = false, patience: Duration = .seconds(300),
    wait: DeviceWait = Self.pause
  ) throws(SysfsError) {
    let operation = "set \(count) VFs on"
    func failure(_ code: SysfsError.Code, _ text: String) -> SysfsError {
      SysfsError(code: code, operation: operation, subject: pf, text: text)
    }
    guard FileAccess.exists(device), !pf.isEmpty, !pf.contains("/") else {
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
      try waitForVFs(0, device, operation, pf, patience, wait)
    }
    if count > 0 { try setUp(pf, device) }
    try write(count, device, operation, pf)
    try waitForVFs(count, device, operation, pf, patience, wait)
  }

  private func setUp(_ pf: String, _ device: String) throws(SysfsError) {
    // At boot a netdev gets its lasting name while nobody looks.
    let names = (try? FileAccess.names(in: "\(device)/net")) ?? []
    let path = "\(device)/net/\(names.contains(pf) ? pf : names.first ?? pf)/flags"
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
    _ count: Int, _ device: String, _ operation: String, _ pf: String, _ patience: Duration, _ wait: DeviceWait
  ) throws(SysfsError) {
    guard FileAccess.exists(device + "/sriov_totalvfs") else { return }
    let deadline = ContinuousClock.now + patience
    while true {
      let there: Int
      do throws(Errno) {
        there = try vfCount(device)
      } catch {
        throw SysfsError(errno: error.code, operation: operation, subject: pf)
      }
      if there == count { return }
      let rest = deadline - .now
      guard rest > .zero else {
        throw SysfsError(
          code: .timedOut, operation: operation, subject: pf, text: "after \(patience) it has \(there) VFs")
      }
      wait(min(rest, .seconds(1)))
    }
  }

  private func vfCount(_ device: String) throws(Errno) -> Int {
    try FileAccess.names(in: device).count { $0.hasPrefix("virtfn") }
  }

  /// How many VFs a PF has by now, also while the kernel is at making them; nil when it isn't there.
  public func vfCount(ofNetdev pf: String) -> Int? { try? vfCount(device(ofNetdev: pf)) }

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
