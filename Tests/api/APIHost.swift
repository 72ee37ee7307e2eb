import ControlServer
import FlowFakes
import Foundation
import LedgerStore
import Logging
import PoolFlows
import PoolModel
import ServiceLifecycle
import Synchronization
import UnixSignals

/// vfpoold's routes before a host in memory, with a pool and three guests, on the Unix socket that is named as the only
/// argument: for what asks them anything that their description allows.
@main
struct APIHost {
  static func main() async throws {
    let socket = CommandLine.arguments[1]
    let folder = NSTemporaryDirectory() + "vfpool-api-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    host.kernel.state.withLock { state in
      for vf in state.vfs.keys { state.vfs[vf]?.counters = VFCounters(rxPackets: 1, rxBytes: UInt64(64 + vf.index)) }
    }
    for number in 1...3 {
      let guest = FakeLibvirt.guest(number, networks: ["spread"])
      await host.libvirt.define(guest, host.manager)
      if let why = await host.libvirt.start(guest, host.manager) { print("g\(number): \(why)") }
    }
    let clock = host.clock
    var log = Logger(label: "api")
    log.logLevel = .error
    let share = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../Sources/ControlServer"
    ).standardizedFileURL.path
    let service = ControlService(
      manager: host.manager, audit: try LedgerStore(path: folder + "/ledger.sqlite"),
      endpoint: .readWrite(path: socket, groups: []),
      about: .init(version: "0.0.0", share: share, now: { clock.tick() }) { true }, log: log,
      onRunning: { print("up") })
    try await ServiceGroup(
      configuration: .init(services: [.init(service: service)], gracefulShutdownSignals: [.sigterm], logger: log)
    ).run()
    try FileManager.default.removeItem(atPath: folder)
  }
}

extension LedgerStore: AuditLog {}
