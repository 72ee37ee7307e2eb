import ControlAPI
import ControlServer
import Etcd
import Fleet
import Foundation
import HostConfig
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
    let configuration = DaemonConfiguration.ofHost
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
    let ledger: Result<LedgerStore, LedgerError> = Result { () throws(LedgerError) in
      try LedgerStore(path: configuration.ledger)
    }
    let store = try? ledger.get()
    let unusableLedger = if case .failure(let error) = ledger { "\(error)" } else { nil as String? }
    if let unusableLedger { log.critical("\(unusableLedger); until then vfpoold only looks, and guests start") }
    let links = try KernelLinks()
    LibvirtEventLoop.start()
    let libvirt = LibvirtLink(log: log)
    let now = { @Sendable in Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }
    var fleet: (agent: FleetAgent, etcd: EtcdClient)?
    var unusableFleet: UnusableFleet?
    do throws(FleetConfiguration.Unusable) {
      // Without a ledger nobody knows what this host has.
      if let wanted = try configuration.fleet.get() {
        guard let store else { throw .init(description: "the ledger can't be used") }
        fleet = try wanted.agent(version: Version.current, ledger: store, log: log, now: now)
      }
    } catch {
      log.error("in no fleet: \(error)")
      unusableFleet = UnusableFleet(why: error.description)
    }
    let neighbours = PoolManager.Neighbours(
      links: links, networks: LibvirtNetworks(link: libvirt), guests: LibvirtGuests(link: libvirt),
      devices: HostDevices(link: libvirt), ledger: store ?? NoLedger(), fleet: fleet?.agent ?? unusableFleet,
      now: now,
      newUUID: { UUID().uuidString.lowercased() })
    let manager = PoolManager(
      try wrapping(neighbours),
      bootID: try BootID.read(), log: log, turnLimit: configuration.turnLimit,
      quarantineLimit: configuration.quarantineLimit, macPrefix: configuration.macPrefix, unusableLedger: unusableLedger
    )
    // From before the host is read for the first time, so that nothing is missed in between.
    let watch = try KernelWatch(subsystems: ["pci"])
    try await manager.load()
    var about = ControlService.About(version: Version.current, share: configuration.share, now: now) {
      let links = HookLinks()
      if links.isBypassed { return .isBypassed(links.bypass) }
      return links.linkedSince == nil ? .isNotLinked : .works
    }
    about.unusableLedger = unusableLedger
    about.fleet = fleet?.agent
    about.unusableFleet = unusableFleet?.why
    var sockets: [ControlService.Endpoint] = [
      .readOnly(path: configuration.readOnlySocket, groups: ["libvirt", "vfpool"])
    ]
    if let web = configuration.webListen {
      do throws(WebToken.Unusable) {
        sockets.append(.web(host: web.host, port: web.port, token: try WebToken.read(ControlService.tokenPath)))
      } catch {
        log.error("no web page: \(error)")
      }
    }
    sockets.append(.readWrite(path: configuration.socket, groups: ["vfpool"]))
    let services = sockets.map { endpoint in
      ControlService(
        manager: manager, audit: store ?? NoLedger(), endpoint: endpoint, about: about, log: log,
        onRunning: { if case .readWrite = endpoint { ServiceManager.notify("READY=1") } })
    }
    let pruning =
      store.map { store in
        [
          ServiceGroupConfiguration.ServiceConfiguration(
            service: LedgerPruning(ledger: store, retention: configuration.retention, log: log, now: now))
        ]
      } ?? []
    let fleetLife =
      fleet.map { [.init(service: FleetLife(agent: $0.agent, etcd: $0.etcd, manager: manager))] }
      ?? [ServiceGroupConfiguration.ServiceConfiguration]()
    let group = ServiceGroup(
      configuration: .init(
        services: services.map { .init(service: $0) } + [
          .init(service: LibvirtWatch(libvirt: libvirt, manager: manager)),
          .init(service: KernelEvents(watch: watch, manager: manager)),
        ] + pruning + fleetLife, gracefulShutdownSignals: [.sigterm, .sigint], logger: log))
    log.info("vfpoold \(Version.current) serves \(configuration.socket)")
    try await group.run()
  }
}
