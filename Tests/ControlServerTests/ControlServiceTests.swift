import ControlAPI
import ControlSocket
import Dispatch
import FlowFakes
import Foundation
import Glibc
import Logging
import PoolFlows
import PoolModel
import ServiceLifecycle
import Testing

@testable import ControlServer

/// The two sockets, served for real, before a manager among fakes.
@Suite(.timeLimit(.minutes(3)))
struct ControlServiceTests {
  /// Runs `body` with both sockets up.
  private func served(_ body: @Sendable (FakeHost, ControlClient, UnixHTTP) async throws -> Void) async throws {
    let host = try await FakeHost()
    let folder = NSTemporaryDirectory() + "vfpool-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (up, told) = AsyncStream.makeStream(of: Void.self)
    var log = Logger(label: "test")
    log.logLevel = .critical
    let services = [(ControlService.Access.readWrite, "rw"), (.readOnly, "ro")].map { access, name in
      ControlService(
        manager: host.manager, path: "\(folder)/\(name)", access: access, group: "nogroup", version: "9.9", log: log,
        onRunning: { told.yield() })
    }
    let group = ServiceGroup(services: services, logger: log)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      var running = up.makeAsyncIterator()
      _ = await (running.next(), running.next())
      try await body(
        host, ControlClient(readWrite: "\(folder)/rw", readOnly: "\(folder)/ro"), UnixHTTP(path: "\(folder)/ro"))
      await group.triggerGracefulShutdown()
    }
  }

  /// A blocking call on a thread of its own: the server needs those of Swift's pool.
  private func away<T: Sendable>(_ call: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      DispatchQueue.global().async { continuation.resume(with: Result(catching: call)) }
    }
  }

  private func request(_ socket: UnixHTTP, _ method: String, _ target: String, _ body: String = "") async throws
    -> UnixHTTP.Response
  {
    try await away {
      try socket.send(
        .init(method: method, target: target, headers: [], body: Array(body.utf8)), timeoutMilliseconds: 60_000)
    }
  }

  @Test func theCLIsWholeWay() async throws {
    try await served { host, client, _ in
      let plan = try await away {
        try client.apply(netdef: Array(FakeHost.spread.utf8), file: "spread.xml", plan: true, ifPlan: nil)
      }
      #expect(!plan.done)
      let before = try await away { try client.pools() }
      #expect(before.isEmpty)
      let applied = try await away {
        try client.apply(netdef: Array(FakeHost.spread.utf8), file: "spread.xml", plan: false, ifPlan: plan.token)
      }
      #expect(applied.done)
      #expect(await host.libvirt.start(FakeLibvirt.guest(1, networks: ["spread"]), host.manager) == nil)
      let status = try await away { try client.status() }
      #expect(status.version == "9.9")
      #expect(status.libvirtConnected)
      #expect(status.leases.map(\.guest) == ["g1"])
      let vfs = try await away { try client.vfs(pf: "enp1s0") }
      let leased = try #require(vfs.first { $0.state == .leased })
      #expect(leased.guest == "g1")
      #expect(leased.trust == true)
      #expect(leased.maxTxRate == 500)
      let macs = try await away { try client.macs() }
      #expect(macs.map(\.guest) == ["g1"])
      let netdef = try await away { try client.netdef(pool: "spread") }
      #expect(netdef == FakeHost.spread)
      let detail = try await away { try client.pool("spread") }
      #expect(detail.vfs.count == 14)
    }
  }

  @Test func failuresSayWhatAndHowBad() async throws {
    try await served { _, client, _ in
      let bad = await #expect(throws: ControlClientError.self) {
        try await away { try client.apply(netdef: Array("<network>".utf8), file: "x", plan: false, ifPlan: nil) }
      }
      #expect(bad?.status == 400)
      let missing = await #expect(throws: ControlClientError.self) { try await away { try client.pool("nope") } }
      #expect(missing?.status == 404)
      #expect(missing?.text.contains("nope") == true)
      let pf = await #expect(throws: ControlClientError.self) { try await away { try client.vfs(pf: "eth9") } }
      #expect(pf?.text.contains("enp1s0") == true)
    }
  }

  @Test func leasedVFIsChangedOnlyWhenItsGuestIsNamed() async throws {
    try await served { host, client, _ in
      _ = try await away { try client.apply(netdef: Array(FakeHost.spread.utf8), file: "x", plan: false, ifPlan: nil) }
      _ = await host.libvirt.start(FakeLibvirt.guest(1, networks: ["spread"]), host.manager)
      let refused = await #expect(throws: ControlClientError.self) {
        try await away { try client.set(vfs: ["enp1s0/0"], VFChange(settings: VFSettings(maxTxRate: 10))) }
      }
      #expect(refused?.status == 409)
      #expect(refused?.text.contains("--disrupt g1") == true)
      let change = VFChange(settings: VFSettings(maxTxRate: 10), disrupt: ["g1"])
      let changed = try await away { try client.set(vfs: ["enp1s0/0"], change) }
      #expect(changed.first?.maxTxRate == 10)
    }
  }

  @Test func readOnlySocketOnlyReads() async throws {
    try await served { _, _, readOnly in
      let read = try await request(readOnly, "GET", Route.status)
      #expect(read.status == 200)
      for target in [Route.poolApply, Route.reconcile, Route.disable, Route.qemuHook, Route.vfReset] {
        let refused = try await request(readOnly, "POST", target)
        #expect(refused.status == 404, "\(target)")
      }
      let refused = try await request(readOnly, "PATCH", Route.vfs + "?vf=enp1s0%2F0", "{}")
      #expect(refused.status == 404)
    }
  }

  @Test func refusedStartIsPlainTextForLibvirt() async throws {
    try await served { host, client, _ in
      _ = try await away { try client.apply(netdef: Array(FakeHost.spread.utf8), file: "x", plan: false, ifPlan: nil) }
      for number in 1...14 {
        _ = await host.libvirt.start(FakeLibvirt.guest(number, networks: ["spread"]), host.manager)
      }
      let xml = """
        <domain><name>late</name><uuid>11111111-2222-4333-8444-555555555555</uuid><devices>
        <interface type='network'><mac address='52:54:00:11:22:33'/><source network='spread'/></interface>
        </devices></domain>
        """
      let target = Route.qemuHook + "?object=late&op=prepare&subop=begin"
      let response = try await request(UnixHTTP(path: client.readWrite), "POST", target, xml)
      #expect(response.status == 409)
      let text = String(decoding: response.body, as: UTF8.self)
      #expect(text.hasPrefix("vfpool: pool spread: no free VF for guest late: 14 of 14 are leased"))
    }
  }

  @Test func requestThatLayInTheSocketWhileWeHungIsNotActedOn() async throws {
    try await served { host, client, _ in
      _ = try await away { try client.apply(netdef: Array(FakeHost.spread.utf8), file: "x", plan: false, ifPlan: nil) }
      let xml = """
        <domain><name>late</name><uuid>11111111-2222-4333-8444-555555555555</uuid><devices>
        <interface type='network'><mac address='52:54:00:11:22:33'/><source network='spread'/></interface>
        </devices></domain>
        """
      for (left, leases) in [(-1, 0), (60_000, 1)] {
        let deadline = String(Deadline(milliseconds: 0).monotonicNanoseconds + Int64(left) * 1_000_000)
        let response = try await away {
          try UnixHTTP(path: client.readWrite).send(
            .init(
              method: "POST", target: Route.qemuHook + "?object=late&op=prepare&subop=begin",
              headers: [("Vfpool-Deadline", deadline)], body: Array(xml.utf8)), timeoutMilliseconds: 60_000)
        }
        #expect(response.status == 200)
        #expect(host.ledger.contents.leases.count == leases)
      }
    }
  }

  @Test func hookInputThatMakesNoSenseStopsNoGuest() async throws {
    try await served { _, client, _ in
      for body in ["", "<domain/>", "<domain><name>x", "\u{0}"] {
        let response = try await request(
          UnixHTTP(path: client.readWrite), "POST", Route.qemuHook + "?object=x&op=prepare&subop=begin", body)
        #expect(response.status == 400)
      }
    }
  }
}
