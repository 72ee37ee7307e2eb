import Dispatch
import Glibc
import Netlink
import PoolFlows
import PoolModel
import Sysfs

/// The kernel as the flows see it: rtnetlink and sysfs, one call after the other on a thread of their own, since a write
/// can wait for the RTNL lock or for a slow driver.
final class KernelLinks: Links {
  private let queue = DispatchQueue(label: "vfpool.kernel", qos: .userInitiated)
  /// A card takes up to minutes to make its VFs; hooks must not wait for that.
  private let slowQueue = DispatchQueue(label: "vfpool.counts")
  private let socket: SocketBox
  private let sysfs: SysfsTree
  private let countFile: VFCountFile

  /// What only the queue touches.
  private final class SocketBox: @unchecked Sendable {
    let route: RouteSocket
    let scans: ScanCache
    init(_ route: RouteSocket, _ scans: ScanCache) {
      self.route = route
      self.scans = scans
    }
  }

  init(sysfs: SysfsTree = SysfsTree(), countFile: VFCountFile = VFCountFile()) throws(NetlinkError) {
    socket = SocketBox(try RouteSocket(), ScanCache(sysfs, uevents: try? UeventSocket()))
    self.sysfs = sysfs
    self.countFile = countFile
  }

  private func onQueue<T: Sendable>(_ body: @escaping @Sendable (RouteSocket, SysfsTree) throws -> T) async throws -> T
  {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { [socket, sysfs] in
        continuation.resume(with: Result { try body(socket.route, sysfs) })
      }
    }
  }

  func inventory(counters: Bool) async throws -> HostInventory {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { [socket] in
        continuation.resume(
          with: Result {
            let links = try socket.route.links(counters: counters)
            return try HostInventory(scan: socket.scans.scan(links), links: links, addresses: socket.route.addresses())
          })
      }
    }
  }

  func read(_ vf: VFIndex) async throws -> VFState {
    try await onQueue { route, _ in try route.vf(vf.index, ofLink: Self.ifindex(of: vf.pf)) }
  }

  func write(_ changes: [(vf: VFIndex, settings: VFSettings)]) async throws -> [(any Error)?] {
    try await onQueue { route, _ in
      let ifindexes = Dictionary(
        uniqueKeysWithValues: Set(changes.map(\.vf.pf)).map { ($0, (try? Self.ifindex(of: $0)) ?? 0) })
      return route.set(
        changes.map { VFWrite(ifindex: ifindexes[$0.vf.pf] ?? 0, vf: $0.vf.index, settings: $0.settings) })
    }
  }

  func setVFCount(_ count: Int, pf: String) async throws {
    try await withCheckedThrowingContinuation { continuation in
      slowQueue.async { [sysfs] in
        continuation.resume(
          with: Result {
            try sysfs.setVFCount(count, pf: pf, allowReset: true)
            if count > 0 { sysfs.waitForDrivers(pf: pf, patience: .seconds(5)) }
          })
      }
    }
  }

  func saveOwnCounts(_ counts: [OwnVFCount]) async throws {
    let file = countFile
    try await onQueue { _, _ in
      try file.write(counts.map { SavedVFCount(pci: $0.pci, mac: $0.mac, name: $0.pf, count: $0.count) })
    }
  }

  func driver(of vf: PCIAddress) async throws -> String? { try await onQueue { _, sysfs in try sysfs.driver(of: vf) } }

  private static func ifindex(of pf: String) throws -> Int32 {
    let index = if_nametoindex(pf)
    guard index != 0 else { throw FlowError(.notFound, "no PF \(pf) any more") }
    return Int32(index)
  }
}
