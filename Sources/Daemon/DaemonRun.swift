import ControlAPI
import ControlServer
import Foundation
import LedgerStore
import Libvirt
import Logging
import Netlink
import PoolFlows
import PoolModel
import ServiceLifecycle
import Sysfs
import UnixSignals

/// vfpoold's life: ledger and kernel first, then the sockets, libvirt in the background.
public enum DaemonRun {
  /// Runs until SIGTERM or SIGINT; exits with 1 and the reason on stderr when it can't start.
  ///
  /// `wrapping`: puts something between the flows and what is around them.
  public static func main(
    wrapping: @Sendable (PoolManager.Neighbours) throws -> PoolManager.Neighbours = { $0 }
  ) async {
    let path = ProcessInfo.processInfo.environment["VFPOOL_CONF"] ?? "/etc/vfpool/vfpool.conf"
    let configuration = DaemonConfiguration(text: (try? String(contentsOfFile: path, encoding: .utf8)) ?? "")
    LoggingSystem.bootstrap { label in
      // journald adds time and unit by itself.
      var handler = StreamLogHandler.standardError(label: label)
      handler.logLevel = Logger.Level(rawValue: configuration.logLevel) ?? .info
      return handler
    }
    let log = Logger(label: "vfpoold")
    do {
      try await run(configuration, log, wrapping)
    } catch {
      log.critical("vfpoold can't go on: \(error)")
      exit(1)
    }
  }

  private static func run(
    _ configuration: DaemonConfiguration, _ log: Logger,
    _ wrapping: @Sendable (PoolManager.Neighbours) throws -> PoolManager.Neighbours
  ) async throws {
    let ledger = try LedgerStore(path: configuration.ledger)
    let links = try KernelLinks()
    LibvirtEventLoop.start()
    let libvirt = LibvirtLink(log: log)
    let now = { @Sendable in Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }
    let neighbours = PoolManager.Neighbours(
      links: links, networks: LibvirtNetworks(link: libvirt), guests: LibvirtGuests(link: libvirt),
      devices: HostDevices(link: libvirt), ledger: ledger, now: now, newUUID: { UUID().uuidString.lowercased() })
    let manager = PoolManager(
      try wrapping(neighbours),
      bootID: try BootID.read(), log: log, turnLimit: configuration.turnLimit,
      quarantineLimit: configuration.quarantineLimit, macPrefix: configuration.macPrefix)
    // From before the host is read for the first time, so that nothing is missed in between.
    let watch = try KernelWatch(subsystems: ["pci"])
    try await manager.load()
    let group = ServiceGroup(
      configuration: .init(
        services: [
          .init(
            service: ControlService(
              manager: manager, path: configuration.readOnlySocket, access: .readOnly, group: "libvirt",
              version: Version.current, log: log)),
          .init(
            service: ControlService(
              manager: manager, path: configuration.socket, access: .readWrite, group: "vfpool",
              version: Version.current, log: log, onRunning: { ServiceManager.notify("READY=1") })),
          .init(service: LibvirtWatch(libvirt: libvirt, manager: manager)),
          .init(service: KernelEvents(watch: watch, manager: manager)),
          .init(service: LedgerPruning(ledger: ledger, retention: configuration.retention, log: log, now: now)),
        ], gracefulShutdownSignals: [.sigterm, .sigint], logger: log))
    log.info("vfpoold \(Version.current) serves \(configuration.socket)")
    try await group.run()
  }
}
