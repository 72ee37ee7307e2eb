import Dispatch
import Glibc
import HostConfig
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
  private let switches: CardSwitches
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
    socket = SocketBox(try RouteSocket(), ScanCache(sysfs, uevents: try? .uevents()))
    switches = CardSwitches(try? DevlinkSocket())
    self.sysfs = sysfs
    self.countFile = countFile
  }

  private func onQueue<T: Sendable>(_ body: @escaping @Sendable (RouteSocket, SysfsTree) throws -> T) async throws -> T
  {
    let (socket, sysfs) = (socket, sysfs)
    return try await queue.run { try body(socket.route, sysfs) }
  }

  func inventory(counters: Bool) async throws -> HostInventory {
    let switches = await switches.read()
    let (socket, sysfs) = (socket, sysfs)
    return try await queue.run {
      let links = try socket.route.links(counters: counters)
      let scan = socket.scans.scan(links)
      var inventory = try HostInventory(
        scan: scan, links: links, addresses: socket.route.addresses(), switches: switches)
      for place in inventory.pfs.indices {
        inventory.pfs[place].speed = sysfs.speed(ofNetdev: inventory.pfs[place].name)
        inventory.pfs[place].autoprobe = sysfs.probesNewVFs(ofNetdev: inventory.pfs[place].name)
      }
      return inventory
    }
  }

  func read(_ vf: VFIndex) async throws -> VFState {
    try await onQueue { route, _ in try route.vf(vf.index, ofLink: Self.ifindex(of: vf.pf)) }
  }

  func states(of pf: String) async throws -> [Int: VFState] {
    let vfs = try await onQueue { route, _ in try route.link(index: Self.ifindex(of: pf)).vfs }
    return Dictionary(uniqueKeysWithValues: vfs.map { ($0.key, $0.value) })
  }

  func write(_ changes: [(vf: VFIndex, settings: VFSettings)]) async throws -> [(any Error)?] {
    try await onQueue { route, _ in
      let ifindexes = Dictionary(
        uniqueKeysWithValues: Set(changes.map(\.vf.pf)).map { ($0, (try? Self.ifindex(of: $0)) ?? 0) })
      let errors = route.set(
        changes.map { VFWrite(ifindex: ifindexes[$0.vf.pf] ?? 0, vf: $0.vf.index, settings: $0.settings) })
      return errors.map { $0.map(Self.told) }
    }
  }

  /// Drivers that know one VLAN protocol turn the other down with EPROTONOSUPPORT.
  private static func told(_ error: NetlinkError) -> any Error {
    error.code == .notSupported || error.errno == EPROTONOSUPPORT ? NotOffered(error.description) : error
  }

  func setVFCount(_ count: Int, pf: String) async throws {
    let sysfs = sysfs
    try await slowQueue.run {
      // Opened before the count is written: what happens from then on is heard.
      let events = try BroadcastSocket.uevents()
      let wait = { (most: Duration) in
        events.wait(most)
        _ = events.drain { _ in }
      }
      try sysfs.setVFCount(count, pf: pf, allowReset: true, wait: wait)
      if count > 0 { sysfs.waitForDrivers(pf: pf, patience: .seconds(5), wait: wait) }
    }
  }

  func savedCounts() async throws -> [OwnVFCount] {
    let file = countFile
    return try await onQueue { _, _ in try file.read().counts }
  }

  func saveOwnCounts(_ counts: [OwnVFCount]) async throws {
    let file = countFile
    try await onQueue { _, _ in try file.write(counts) }
  }

  // These take their time and need neither socket: hooks don't wait for them.

  func countWriters(of pf: PF) async throws -> [String] {
    await DispatchQueue.global().run { HostConfig().vfCountWriters(of: PFIdentity(pf)).writers.map(\.description) }
  }

  func resetFunction(_ vf: PCIAddress) async throws -> Bool {
    let sysfs = sysfs
    return try await DispatchQueue.global().run { () throws(SysfsError) in try sysfs.resetFunction(vf) }
  }

  func driver(of vf: PCIAddress) async throws -> String? { try await onQueue { _, sysfs in try sysfs.driver(of: vf) } }

  private static func ifindex(of pf: String) throws -> Int32 {
    let index = if_nametoindex(pf)
    guard index != 0 else { throw FlowError(.notFound, "no PF \(pf) any more") }
    return Int32(index)
  }
}
