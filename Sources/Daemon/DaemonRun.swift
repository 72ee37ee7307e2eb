import ControlAPI
import ControlServer
import Foundation
import LedgerStore
import Libvirt
import Logging
import PoolFlows
import PoolModel
import ServiceLifecycle
import Sysfs
import UnixSignals

/// vfpoold's life: ledger and kernel first, then the sockets, libvirt in the background.
public enum DaemonRun {
  /// Runs until SIGTERM or SIGINT; exits with 1 and the reason on stderr when it can't start.
  public static func main() async {
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
      try await run(configuration, log)
    } catch {
      log.critical("vfpoold can't go on: \(error)")
      exit(1)
    }
  }

  private static func run(_ configuration: DaemonConfiguration, _ log: Logger) async throws {
    let ledger = try LedgerStore(path: configuration.ledger)
    let links = try KernelLinks()
    LibvirtEventLoop.start()
    let libvirt = LibvirtLink(log: log)
    let manager = PoolManager(
      PoolManager.Neighbours(
        links: links, networks: LibvirtNetworks(link: libvirt), guests: LibvirtGuests(link: libvirt), ledger: ledger,
        now: { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) },
        newUUID: { UUID().uuidString.lowercased() }),
      bootID: try BootID.read(), log: log, turnLimit: configuration.turnLimit)
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
        ], gracefulShutdownSignals: [.sigterm, .sigint], logger: log))
    log.info("vfpoold \(Version.current) serves \(configuration.socket)")
    try await group.run()
  }
}
