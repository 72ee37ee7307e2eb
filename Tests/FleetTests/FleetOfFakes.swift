import FlowFakes
import LibvirtXML
import Logging
import PoolFlows
import PoolModel
import Testing

@testable import Fleet

/// Hosts among fakes that share one store.
struct FleetOfFakes {
  let server = FakeFleetServer()
  let keys = FleetKeys()

  /// One host of it, in the fleet until `leave`.
  struct Member {
    let name: String
    let host: FakeHost
    let agent: FleetAgent
    let store: FakeFleetStore
    let audit: FakeAudit
    let task: Task<Void, Never>

    var manager: PoolManager { host.manager }

    func leave() async {
      task.cancel()
      await task.value
    }

    /// What a start is refused with; nil = it runs.
    func start(_ guest: GuestDescription) async -> String? {
      await host.libvirt.define(guest, manager)
      return await host.libvirt.start(guest, manager)
    }

    func stop(_ guest: GuestDescription) async { await host.libvirt.stop(guest.guest, manager) }

    var isIn: Bool { if case .connected = agent.connection { true } else { false } }
  }

  func member(
    _ name: String, machine: String? = nil, netdefs: [String] = [FakeHost.spread], heartbeat: Int = 60,
    takesNetdefs: Bool = true, connected: Bool = true, clock: FakeClock = FakeClock()
  ) async throws -> Member {
    let store = FakeFleetStore(server)
    let audit = FakeAudit()
    let agent = agent(
      name, store, machine: machine, heartbeat: heartbeat, takesNetdefs: takesNetdefs, audit: audit, clock)
    let host = try await FakeHost(fleet: agent, connected: connected, clock: clock)
    for netdef in netdefs { _ = try await host.manager.apply(netdef: netdef, plan: false) }
    let manager = host.manager
    return Member(
      name: name, host: host, agent: agent, store: store, audit: audit, task: Task { await agent.run(manager) })
  }

  func agent(
    _ name: String, _ store: FakeFleetStore, machine: String? = nil, ledger: String? = nil, heartbeat: Int = 60,
    takesNetdefs: Bool = true, audit: FakeAudit = FakeAudit(), _ clock: FakeClock = FakeClock()
  ) -> FleetAgent {
    var log = Logger(label: "fleet")
    log.logLevel = .critical
    return FleetAgent(
      store: store, keys: keys,
      host: .init(
        name: name, machine: machine ?? "machine of \(name)", ledger: ledger ?? "ledger of \(name)", version: "9.9"),
      heartbeat: heartbeat, takesNetdefs: takesNetdefs, audit: audit, log: log, now: { clock.tick() })
  }

  /// Runs `body` with hosts `a` and `b` in the fleet.
  static func pair(
    netdefs: [String] = [FakeHost.spread], _ body: (FleetOfFakes, Member, Member) async throws -> Void
  ) async throws {
    let fleet = FleetOfFakes()
    let (a, b) = (try await fleet.member("a", netdefs: netdefs), try await fleet.member("b", netdefs: netdefs))
    try await eventually("both are in") { a.isIn && b.isIn }
    try await body(fleet, a, b)
    await a.leave()
    await b.leave()
  }

  /// The hosts on which a MAC is live.
  func live(_ mac: MACAddress) -> [String] {
    let prefix = keys.all(.live, of: mac.description)
    return server.entries.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
  }

  func binding(_ mac: MACAddress) -> BindingRecord? {
    server[keys.binding(mac)].flatMap { RecordText.record(BindingRecord.self, $0) }
  }

  func pool(_ pool: String, _ host: String) -> PoolRecord? {
    server[keys.pool(pool, host)].flatMap { RecordText.record(PoolRecord.self, $0) }
  }
}

extension FleetAgent {
  /// Not only when it is time.
  func retryNow() {
    for mac in retries.keys { retries[mac] = .now }
    contentsChanged()
  }

  func knowsAsShared(_ mac: MACAddress) -> Bool { if case .shared = written.bindings[mac] { true } else { false } }
}

/// Waits for what comes from elsewhere; ten seconds at most.
func eventually(
  _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
  for _ in 0..<1000 {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(10))
  }
  Issue.record(what, sourceLocation: sourceLocation)
}
