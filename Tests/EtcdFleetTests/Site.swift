import Etcd
import EtcdCluster
import EtcdFleet
import Fleet
import FlowFakes
import LibvirtXML
import Logging
import PoolFlows
import PoolModel
import Testing

/// What runs against real members: one test after the other, as a member that has no processor for a second has stopped.
@Suite(.serialized, .timeLimit(.minutes(5))) enum SiteTests {}

/// Hosts, each with its flows among fakes, and a real etcd that they share.
struct Site: Sendable {
  let cluster: EtcdCluster
  let keys = FleetKeys()

  /// One vfpoold.
  struct Host: Sendable {
    let name: String
    let fakes: FakeHost
    let agent: FleetAgent
    let client: EtcdClient
    let task: Task<Void, Never>

    var manager: PoolManager { fakes.manager }
    var isIn: Bool { if case .connected = agent.connection { true } else { false } }

    /// What a start is refused with; nil = it runs.
    func start(_ guest: GuestDescription) async -> String? {
      await fakes.libvirt.define(guest, manager)
      return await fakes.libvirt.start(guest, manager)
    }

    func stop(_ guest: GuestDescription) async { await fakes.libvirt.stop(guest.guest, manager) }

    /// Leaves the fleet without a word.
    func vanish() async {
      task.cancel()
      await task.value
      await client.shutdown()
    }
  }

  func host(
    _ name: String, heartbeat: Int = 5, clock: FakeClock = FakeClock(),
    _ change: (inout EtcdConfiguration) -> Void = { _ in }
  ) async throws -> Host {
    var configuration = EtcdConfiguration(endpoints: try cluster.endpoints.map { try EtcdEndpoint($0) })
    configuration.watchProbeInterval = .seconds(2)
    change(&configuration)
    var log = Logger(label: name)
    log.logLevel = .critical
    let client = try EtcdClient(configuration, log: log)
    let agent = FleetAgent(
      store: EtcdFleetStore(client), keys: keys,
      host: .init(name: name, machine: "machine of \(name)", ledger: "ledger of \(name)", version: "9.9"),
      heartbeat: heartbeat, audit: FakeAudit(), log: log, now: { clock.tick() })
    let fakes = try await FakeHost(fleet: agent)
    _ = try await fakes.manager.apply(netdef: FakeHost.spread, plan: false)
    let manager = fakes.manager
    return Host(name: name, fakes: fakes, agent: agent, client: client, task: Task { await agent.run(manager) })
  }

  /// Runs `body` with three hosts in the fleet.
  static func withThree(
    _ options: EtcdCluster.Options = .init(members: 3), _ body: (Site, [Host]) async throws -> Void
  ) async throws {
    let site = Site(cluster: try await EtcdCluster(options))
    var hosts: [Host] = []
    for name in ["a", "b", "c"] { hosts.append(try await site.host(name)) }
    do {
      try await eventually("all are in") { hosts.allSatisfy(\.isIn) }
      try await body(site, hosts)
    } catch {
      for host in hosts { await host.vanish() }
      throw error
    }
    for host in hosts { await host.vanish() }
  }

  /// Whether all are in the fleet, and have told it everything.
  static func areSettled(_ hosts: [Host]) async -> Bool {
    for host in hosts {
      let pending = await host.agent.pending
      if !host.isIn || pending > 0 { return false }
    }
    return true
  }

  /// The hosts on which a MAC is live, as etcd's own tool shows it.
  func live(_ mac: MACAddress) async throws -> [String] {
    let prefix = keys.all(.live, of: mac.description)
    let text = try await cluster.control("get", "--prefix", "--keys-only", prefix)
    return text.split(separator: "\n").map { String($0.dropFirst(prefix.count)) }.sorted()
  }

  func has(_ key: String) async throws -> Bool {
    try await !cluster.control("get", "--keys-only", key).split(separator: "\n").isEmpty
  }
}

func guest(_ number: Int, _ mac: MACAddress? = nil) -> GuestDescription {
  FakeLibvirt.guest(number, networks: ["spread"], mac: mac)
}

/// Waits for what comes from elsewhere.
func eventually(
  _ what: Comment, seconds: Int = 30, sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + .seconds(seconds)
  while ContinuousClock.now < end {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(20))
  }
  Issue.record(what, sourceLocation: sourceLocation)
}
