import ControlAPI
import Etcd
import EtcdCluster
import EtcdFleet
import Fleet
import FlowFakes
import Foundation
import LibvirtXML
import Logging
import PoolFlows
import PoolModel

/// A fleet of many hosts on one real etcd: how long it takes to look at it, and how much a host at rest asks of etcd.
///
/// `fleet-bench [HOSTS [VFS]]`: 1000 hosts of 64 VFs, all leased to running guests, are records; ten more are real agents,
/// each with its flows among fakes. Exit code 1 when something is slower than it may be.
@main
struct FleetBench {
  static func main() async {
    var clients: [EtcdClient] = []
    var isGood = false
    do { isGood = try await run(&clients) } catch { print("fleet-bench: \(error)") }
    for client in clients { await client.shutdown() }
    if !isGood { exit(1) }
  }

  private static func run(_ clients: inout [EtcdClient]) async throws -> Bool {
    let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
    let (hosts, vfs) = (arguments.first ?? 1000, arguments.dropFirst().first ?? 64)
    let cluster = try await EtcdCluster(.init(members: 1, arguments: ["--quota-backend-bytes", "\(4 << 30)"]))
    var log = Logger(label: "bench")
    log.logLevel = .error
    var configuration = EtcdConfiguration(endpoints: try cluster.endpoints.map { try EtcdEndpoint($0) })
    configuration.requestTimeout = .seconds(20)
    let client = try EtcdClient(configuration, log: log)
    clients.append(client)
    let keys = FleetKeys()
    let loading = try await ContinuousClock().measure {
      try await load(hosts, vfs, keys, client, lease: client.grantLease(seconds: 3600).id)
    }
    let status = try await client.status(of: configuration.endpoints[0])
    print("\(hosts) hosts with \(vfs) guests each: written in \(loading.inSeconds) s, \(status.size >> 20) MiB in etcd")

    var agents: [FleetAgent] = []
    var tasks: [Task<Void, Never>] = []
    for number in 0..<10 {
      let mine = try EtcdClient(configuration, log: log)
      clients.append(mine)
      let agent = FleetAgent(
        store: EtcdFleetStore(mine), keys: keys,
        host: .init(name: "real\(number)", machine: "machine\(number)", ledger: "ledger\(number)", version: "0"),
        audit: FakeAudit(), log: log,
        now: { Timestamp(milliseconds: 1_790_000_000_000) })
      let host = try await FakeHost(fleet: agent)
      _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
      agents.append(agent)
      tasks.append(Task { [manager = host.manager] in await agent.run(manager) })
    }
    while !agents.allSatisfy({ if case .connected = $0.connection { true } else { false } }) {
      try await Task.sleep(for: .milliseconds(100))
    }

    var isGood = true
    func judge(_ what: String, _ value: Double, _ limit: Double, _ unit: String) {
      let isMet = value <= limit
      isGood = isGood && isMet
      print("\(what): \(String(format: "%.3f", value)) \(unit) (aim: \(limit))\(isMet ? "" : "  MISSED")")
    }
    var report = await agents[0].status()
    let looking = await ContinuousClock().measure { report = await agents[0].status() }
    precondition(report.hosts.count == hosts + 10, "\(report.hosts.count) hosts are seen: \(report.why ?? "")")
    precondition(report.pools.first { $0.pool == "tenant-a" }?.leased == hosts * vfs, "the leases aren't all counted")
    judge("fleet status", looking.inSeconds, 1, "s")
    let finding = try await ContinuousClock().measure {
      let rows = try await agents[1].find(guest: "guest-\(hosts / 2)-1")
      precondition(rows.map(\.host) == ["host\(hosts / 2)"], "\(rows)")
    }
    judge("fleet find --guest", finding.inSeconds, 0.1, "s")
    let placing = try await ContinuousClock().measure { _ = try await agents[2].place(pool: "tenant-a", count: 1) }
    judge("fleet place", placing.inSeconds, 1, "s")
    var claims: [Double] = []
    for number in 0..<100 {
      let guest = FakeLibvirt.guest(50_000 + number, networks: ["spread"]).guest
      let mac = MACAddress(value: 0x5254_00ff_0000 | UInt64(number))
      let taking = await ContinuousClock().measure {
        _ = await agents[3].claim(
          [mac: .init(guest: guest, pool: "spread", vlan: nil)], for: guest, isIncoming: false, within: .seconds(2))
      }
      agents[3].settled(guest)
      claims.append(taking.inSeconds)
    }
    judge("what a start waits for its MAC, median", claims.sorted()[50], 0.05, "s")

    try await Task.sleep(for: .seconds(5))
    let before = try requests(cluster)
    try await Task.sleep(for: .seconds(60))
    let perHost = Double(try requests(cluster) - before) / 60 / Double(agents.count)
    judge("requests of a host at rest", perHost, 0.1, "a second")
    for task in tasks { task.cancel() }
    return isGood
  }

  /// As hosts of this vfpool would have written it.
  private static func load(_ hosts: Int, _ vfs: Int, _ keys: FleetKeys, _ client: EtcdClient, lease: Int64) async throws
  {
    for host in 0..<hosts {
      let name = "host\(host)"
      var steps: [Transaction.Operation] = [
        .put(
          ByteString(keys.host(name)),
          ByteString(
            #"{"machine":"m\#(host)","name":"\#(name)","since":"2026-11-24T14:51:53.120Z","version":"0.1.0"}"#),
          lease: lease),
        .put(
          ByteString(keys.pool("tenant-a", name)),
          ByteString(
            #"{"active":true,"free":0,"gone":0,"hostUsed":0,"leased":\#(vfs),"mode":"enforce","policy":"spread","#
              + #""quarantined":0,"reserved":0,"total":\#(vfs)}"#), lease: lease),
      ]
      for vf in 0..<vfs {
        let mac = MACAddress(value: 0x5254_0000_0000 | UInt64(host * vfs + vf))
        let guest = "guest-\(host)-\(vf)"
        let uuid = FakeLibvirt.uuid(host * vfs + vf)
        steps += [
          .put(
            ByteString(keys.live(mac, name)),
            ByteString(#"{"guest":{"name":"\#(guest)","uuid":"\#(uuid)"},"pool":"tenant-a"}"#), lease: lease),
          .put(
            ByteString(keys.binding(mac)),
            ByteString(
              #"{"guest":{"name":"\#(guest)","uuid":"\#(uuid)"},"host":"\#(name)","mac":"\#(mac)","nic":0,"#
                + #""pool":"tenant-a","since":"2026-11-24T14:51:53.120Z"}"#)),
          .put(ByteString(keys.owned(name, mac)), ""), .put(ByteString(keys.byName(guest, mac)), ""),
          .put(ByteString(keys.byGuest(uuid, mac)), ""),
        ]
      }
      for start in stride(from: 0, to: steps.count, by: 120) {
        _ = try await client.commit(Transaction(then: Array(steps[start..<min(start + 120, steps.count)])))
      }
    }
  }

  /// How many calls etcd has been asked so far.
  private static func requests(_ cluster: EtcdCluster) throws -> Int {
    let curl = Process()
    curl.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
    curl.arguments = ["-sS", "\(cluster.endpoints[0])/metrics"]
    let pipe = Pipe()
    curl.standardOutput = pipe
    try curl.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    return text.split(separator: "\n").filter { $0.hasPrefix("grpc_server_started_total") }
      .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0) { $0 + Int($1) }
  }
}

extension Duration {
  fileprivate var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}
