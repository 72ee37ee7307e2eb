import ControlAPI
import ControlSocket
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
@Suite(.timeLimit(.minutes(1)))
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

  private func request(_ socket: UnixHTTP, _ method: String, _ target: String, _ body: String = "") throws
    -> UnixHTTP.Response
  { try socket.send(.init(method: method, target: target, headers: [], body: Array(body.utf8)), timeoutMilliseconds: 5000) }

  @Test func theCLIsWholeWay() async throws {
    try await served { host, client, _ in
      let plan = try client.apply(netdef: FakeHost.spread, file: "spread.xml", plan: true, ifPlan: nil)
      #expect(!plan.done)
      #expect(try client.pools().isEmpty)
      #expect(try client.apply(netdef: FakeHost.spread, file: "spread.xml", plan: false, ifPlan: plan.token).done)
      #expect(await host.libvirt.start(FakeLibvirt.guest(1, networks: ["spread"]), host.manager) == nil)
      let status = try client.status()
      #expect(status.version == "9.9")
      #expect(status.libvirtConnected)
      #expect(status.leases.map(\.guest) == ["g1"])
      let leased = try #require(try client.vfs(pf: "enp1s0").first { $0.state == .leased })
      #expect(leased.guest == "g1")
      #expect(leased.trust == true)
      #expect(leased.maxTxRate == 500)
      #expect(try client.macs().map(\.guest) == ["g1"])
      #expect(try client.netdef(pool: "spread") == FakeHost.spread)
      #expect(try client.pool("spread").vfs.count == 14)
    }
  }

  @Test func failuresSayWhatAndHowBad() async throws {
    try await served { _, client, _ in
      let bad = #expect(throws: ControlClientError.self) {
        try client.apply(netdef: "<network>", file: "x", plan: false, ifPlan: nil)
      }
      #expect(bad?.status == 400)
      let missing = #expect(throws: ControlClientError.self) { try client.pool("nope") }
      #expect(missing?.status == 404)
      #expect(missing?.text.contains("nope") == true)
      let pf = #expect(throws: ControlClientError.self) { try client.vfs(pf: "eth9") }
      #expect(pf?.text.contains("enp1s0") == true)
    }
  }

  @Test func leasedVFIsChangedOnlyWhenItsGuestIsNamed() async throws {
    try await served { host, client, _ in
      _ = try client.apply(netdef: FakeHost.spread, file: "x", plan: false, ifPlan: nil)
      _ = await host.libvirt.start(FakeLibvirt.guest(1, networks: ["spread"]), host.manager)
      let refused = #expect(throws: ControlClientError.self) {
        try client.set(vf: "enp1s0/0", VFChange(settings: VFSettings(maxTxRate: 10)))
      }
      #expect(refused?.status == 409)
      #expect(refused?.text.contains("--disrupt g1") == true)
      #expect(try client.set(vf: "enp1s0/0", VFChange(settings: VFSettings(maxTxRate: 10), disrupt: ["g1"])).maxTxRate == 10)
    }
  }

  @Test func readOnlySocketOnlyReads() async throws {
    try await served { _, _, readOnly in
      #expect(try request(readOnly, "GET", Route.status).status == 200)
      for target in [Route.poolApply, Route.reconcile, Route.disable, Route.qemuHook, Route.vfReset] {
        #expect(try request(readOnly, "POST", target).status == 404, "\(target)")
      }
      #expect(try request(readOnly, "PATCH", Route.vfs + "?vf=enp1s0%2F0", "{}").status != 200)
    }
  }

  @Test func refusedStartIsPlainTextForLibvirt() async throws {
    try await served { host, client, _ in
      _ = try client.apply(netdef: FakeHost.spread, file: "x", plan: false, ifPlan: nil)
      for number in 1...14 {
        _ = await host.libvirt.start(FakeLibvirt.guest(number, networks: ["spread"]), host.manager)
      }
      let xml = """
        <domain><name>late</name><uuid>11111111-2222-4333-8444-555555555555</uuid><devices>
        <interface type='network'><mac address='52:54:00:11:22:33'/><source network='spread'/></interface>
        </devices></domain>
        """
      let target = Route.qemuHook + "?object=late&op=prepare&subop=begin"
      let response = try request(UnixHTTP(path: client.readWrite), "POST", target, xml)
      #expect(response.status == 409)
      let text = String(decoding: response.body, as: UTF8.self)
      #expect(text.hasPrefix("vfpool: pool spread: no free VF for guest late: 14 of 14 are leased"))
    }
  }

  @Test func hookInputThatMakesNoSenseStopsNoGuest() async throws {
    try await served { _, client, _ in
      for body in ["", "<domain/>", "<domain><name>x", "\u{0}"] {
        let response = try request(
          UnixHTTP(path: client.readWrite), "POST", Route.qemuHook + "?object=x&op=prepare&subop=begin", body)
        #expect(response.status == 400)
      }
    }
  }
}
