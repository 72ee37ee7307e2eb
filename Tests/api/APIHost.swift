import ControlServer
import Fleet
import FlowFakes
import Foundation
import LedgerStore
import LibvirtXML
import Logging
import PoolFlows
import PoolModel
import ServiceLifecycle
import Synchronization
import UnixSignals

/// vfpoold's routes before a host in memory, with a pool and three guests, for what asks them anything that their
/// description allows, and for browsers: `api-host SOCKET [PORT TOKEN]` serves them on that Unix socket, and what only
/// reads also on that loopback port. Lines on standard input change the host: `start 4`, `stop 1`, each a guest's number.
@main
struct APIHost {
  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst()
    let folder = NSTemporaryDirectory() + "vfpool-api-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var quiet = Logger(label: "fleet")
    quiet.logLevel = .critical
    let agent = FleetAgent(
      store: FakeFleetStore(FakeFleetServer()), keys: FleetKeys(),
      host: .init(name: "kvm1", machine: "machine", ledger: "ledger", version: "0.0.0"), audit: FakeAudit(), log: quiet,
      now: { Timestamp(milliseconds: 1_790_000_000_000) })
    let host = try await FakeHost(fleet: agent)
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    host.kernel.state.withLock { state in
      for vf in state.vfs.keys { state.vfs[vf]?.counters = VFCounters(rxPackets: 1, rxBytes: UInt64(64 + vf.index)) }
    }
    for number in 1...3 { await start(number, host.libvirt, host.manager) }
    let clock = host.clock
    var log = Logger(label: "api")
    log.logLevel = .error
    let share = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../Sources/ControlServer"
    ).standardizedFileURL.path
    var endpoints: [ControlService.Endpoint] = [.readWrite(path: arguments[1], groups: [])]
    if arguments.count == 3, let port = Int(arguments[2]) {
      endpoints.append(.web(host: "127.0.0.1", port: port, token: arguments[3]))
    }
    let ledger = try LedgerStore(path: folder + "/ledger.sqlite")
    var about = ControlService.About(version: "0.0.0", share: share, now: { clock.tick() }) { .works }
    about.fleet = agent
    let services = endpoints.map { [log, about] endpoint in
      ControlService(
        manager: host.manager, audit: ledger, endpoint: endpoint, about: about, log: log,
        onRunning: { print("up") })
    }
    let orders = AsyncStream { lines in
      Thread.detachNewThread {
        while let line = readLine() { lines.yield(line) }
        lines.finish()
      }
    }
    Task { [manager = host.manager] in await agent.run(manager) }
    Task { [libvirt = host.libvirt, manager = host.manager] in
      for await order in orders { await obey(order, libvirt, manager) }
    }
    try await ServiceGroup(
      configuration: .init(services: services, gracefulShutdownSignals: [.sigterm], logger: log)
    ).run()
    try FileManager.default.removeItem(atPath: folder)
  }

  private static func start(_ number: Int, _ libvirt: FakeLibvirt, _ manager: PoolManager) async {
    let guest = FakeLibvirt.guest(number, networks: ["spread"])
    await libvirt.define(guest, manager)
    if let why = await libvirt.start(guest, manager) { print("g\(number): \(why)") }
  }

  private static func obey(_ order: String, _ libvirt: FakeLibvirt, _ manager: PoolManager) async {
    let words = order.split(separator: " ")
    guard words.count == 2, let number = Int(words[1]) else { return print("no order: \(order)") }
    switch words[0] {
    case "start": await start(number, libvirt, manager)
    case "stop": await libvirt.stop(FakeLibvirt.guest(number, networks: []).guest, manager)
    default: print("no order: \(order)")
    }
  }
}

extension LedgerStore: AuditLog {}
