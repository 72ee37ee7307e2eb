import Netlink
import Sysfs

/// The last scan of sysfs, kept for as long as the kernel tells of no change: a scan costs a dozen system calls a VF.
///
/// Not thread-safe: one caller at a time.
final class ScanCache {
  private let sysfs: SysfsTree
  /// Nil: nothing is kept.
  private let uevents: BroadcastSocket?
  private var kept: SysfsScan?
  /// Whose events may change what a scan finds.
  private static let subsystems: Set = ["pci", "net", "netdevsim", "vfio"]

  init(_ sysfs: SysfsTree, uevents: BroadcastSocket?) {
    self.sysfs = sysfs
    self.uevents = uevents
  }

  /// What sysfs has, as of now. `links` were read a moment ago: a scan that contradicts them isn't kept.
  func scan(_ links: [LinkInfo]) -> SysfsScan {
    // The kernel queues its message before the write that caused it returns. What comes during a scan is for the next.
    guard let uevents else { return sysfs.scan() }
    let isWhole = uevents.drain { message in
      if let event = Uevent(message), Self.subsystems.contains(event.subsystem) { kept = nil }
    }
    if !isWhole { kept = nil }
    if let kept, kept.agrees(with: links) { return kept }
    let fresh = sysfs.scan()
    kept = fresh.problems.isEmpty && fresh.agrees(with: links) ? fresh : nil
    return fresh
  }
}

extension SysfsScan {
  /// Whether every link with VFs is one of the PFs, every PF has as many VFs as its link, and the VFs' netdevs are links.
  func agrees(with links: [LinkInfo]) -> Bool {
    let counts = Dictionary(pfs.map { ($0.ifindex, $0.vfs.count) }) { first, _ in first }
    // A card's further ports and the representors of its VFs tell its count, too.
    let byDevice = Dictionary(pfs.compactMap { pf in pf.pci.map { ("\($0)", pf.vfs.count) } }) { first, _ in first }
    let isKnown = links.allSatisfy { link in
      link.numVF.map { $0 == counts[link.ifindex] ?? link.parentDevName.flatMap { byDevice[$0] } ?? 0 } ?? true
    }
    let present = Set(links.map(\.ifindex))
    guard isKnown, pfs.allSatisfy({ $0.ifindex == 0 || present.contains($0.ifindex) }) else { return false }
    let names = Set(links.map(\.name))
    let parents = Set(links.compactMap(\.parentDevName))
    return pfs.lazy.flatMap(\.vfs).allSatisfy { vf in
      // A netdev on its way to another network namespace, or back.
      vf.netdev.map { names.contains($0) } ?? !(vf.pci.map { parents.contains("\($0)") } ?? false)
    }
  }
}
