import ControlAPI
import ControlSocket
import Dispatch
import Fleet
import FlowFakes
import Foundation
import Glibc
import LibvirtXML
import Logging
import PoolFlows
import PoolModel
import ServiceLifecycle
import Synchronization
import Testing

@testable import ControlServer

/// The two sockets, served for real, before a manager among fakes.
@Suite(.timeLimit(.minutes(3)))
struct ControlServiceTests {
  /// The files as they stand beside the routes.
  static let share = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "../../Sources/ControlServer"
  ).standardizedFileURL.path

  /// Runs `body` with both Unix sockets up.
  private func served(
    audit: FakeAudit = FakeAudit(), fleet: FleetAgent? = nil, unusableFleet: String? = nil,
    hooks: ControlService.HookState = .works,
    _ body: @Sendable (FakeHost, ControlClient, UnixHTTP) async throws -> Void
  ) async throws {
    let host = try await FakeHost(fleet: fleet)
    let folder = NSTemporaryDirectory() + "vfpool-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (up, told) = AsyncStream.makeStream(of: Void.self)
    var log = Logger(label: "test")
    log.logLevel = .critical
    let endpoints: [ControlService.Endpoint] = [
      .readWrite(path: "\(folder)/rw", groups: ["nogroup"]), .readOnly(path: "\(folder)/ro", groups: ["nogroup"]),
    ]
    var about = ControlService.About(version: "9.9", share: Self.share, now: { Timestamp(milliseconds: 0) }) { hooks }
    (about.fleet, about.unusableFleet) = (fleet, unusableFleet)
    let services = endpoints.map { [about] endpoint in
      ControlService(
        manager: host.manager, audit: audit, endpoint: endpoint, about: about, log: log,
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

  @Test func guestsGetAndGiveBackVFs() async throws {
    try await served { host, client, socket in
      _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
      let guest = FakeLibvirt.guest(1, networks: [])
      #expect(await host.libvirt.start(guest, host.manager) == nil)
      let change = try await away { try client.attach(guest: "g1", GuestAttachment(pool: "sticky")) }
      #expect(change.guest == "g1" && change.device.pf == "enp1s0" && change.device.live && !change.device.config)
      let guests = try await away { try client.guests() }
      #expect(guests.map(\.devices) == [[change.device]])
      let mac = try #require(change.device.mac)
      let back = try await away { try client.detach(guest: "g1", GuestDetachment(mac: mac, timeout: 1)) }
      #expect(back.done == "runs without VF enp1s0/0 now")
      let refused = await #expect(throws: ControlClientError.self) {
        try await away { try client.attach(guest: "g1", GuestAttachment()) }
      }
      #expect(refused?.status == 400)
      let readOnly = try await request(socket, "POST", "/v1/guests/attach?guest=g1", #"{"live":true,"config":false}"#)
      #expect(readOnly.status == 404)
    }
  }

  @Test func aCardIsPutToTheTest() async throws {
    try await served { host, client, _ in
      let report = try await away { try client.selfTest(pf: "enp2s0") }
      #expect(report.pf == "enp2s0" && report.index == 6 && report.driver == "igb")
      #expect(report.restored && report.left == nil && !report.quarantined)
      #expect(report.attributes.first?.attribute == "mac" && report.attributes.first?.outcome == .ok)
      #expect(report.attributes.last?.set == nil && report.attributes.last?.outcome == .unsupported)
      let missing = await #expect(throws: ControlClientError.self) {
        try await away { try client.selfTest(pf: "eth7") }
      }
      #expect(missing?.status == 404)
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

  /// Words that other clients may send: none of them may do more than was asked for.
  @Test func whatIsNotUnderstoodChangesNothing() async throws {
    try await served { host, client, _ in
      let socket = UnixHTTP(path: client.readWrite)
      for word in ["yes", "True", "1", "no"] {
        let answer = try await request(socket, "POST", Route.poolApply + "?plan=\(word)", FakeHost.spread)
        #expect(answer.status == 400, "plan=\(word)")
      }
      #expect(host.ledger.contents.pools.isEmpty)
      for (query, isDone) in [("?plan", false), ("?plan=true", false), ("?plan=false", true)] {
        let answer = try await request(socket, "POST", Route.poolApply + query, FakeHost.spread)
        #expect(answer.status == 200)
        #expect(host.ledger.contents.pools.isEmpty != isDone)
      }
      let calls = host.libvirt.state.withLock { $0.calls.count }
      for target in [Route.poolStop + "?pool=spread&", Route.poolStart + "?pool=spread&", Route.disable + "?"] {
        let answer = try await request(socket, "POST", target + "plan=true")
        #expect(answer.status == 400, "\(target)")
        #expect(String(decoding: answer.body, as: UTF8.self).contains("no query parameter “plan”"))
      }
      let twice = try await request(socket, "POST", Route.poolStop + "?pool=spread&pool=other")
      #expect(twice.status == 400)
      for (body, why) in [
        (#"{"settings":{"vlan":4095}}"#, "VLAN 4095"), (#"{"settings":{"trusted":true}}"#, "“trusted”"),
        (#"{"settings":{"trust":"on"}}"#, "“trust” isn't"), ("{", "JSON"),
      ] {
        let answer = try await request(socket, "PATCH", Route.vfs + "?vf=enp1s0/0", body)
        #expect(answer.status == 400)
        #expect(String(decoding: answer.body, as: UTF8.self).contains(why))
      }
      let impatient = try await request(socket, "POST", Route.guestDetach + "?guest=g1", #"{"device":"x","timeout":0}"#)
      #expect(String(decoding: impatient.body, as: UTF8.self).contains("timeout is 1...3600 seconds"))
      #expect(host.libvirt.state.withLock { $0.calls.count } == calls)
      for position in 0...1 {
        let nic = NICName(pool: "spread", position: position)
        _ = try await away { try client.bind(guest: "web", nic: nic, mac: nil) }
      }
      let all = try await request(socket, "POST", Route.macUnbind + "?guest=web&nic=")
      #expect(all.status == 400)
      #expect(host.ledger.contents.bindings.count == 2)
    }
  }

  @Test func unknownRoutesAndLargeBodiesAreNamed() async throws {
    try await served { _, client, readOnly in
      let socket = UnixHTTP(path: client.readWrite)
      let unknown = try await request(socket, "GET", "/v1/nothing?x=1")
      #expect(unknown.status == 404)
      #expect(String(decoding: unknown.body, as: UTF8.self) == #"{"error":"no route GET /v1/nothing"}"#)
      let elsewhere = try await request(readOnly, "POST", Route.poolApply)
      #expect(String(decoding: elsewhere.body, as: UTF8.self).contains(SocketPath.readWrite))
      let large = try await request(socket, "POST", Route.poolApply, String(repeating: "x", count: 1 << 20 + 1))
      #expect(large.status == 413)
      #expect(String(decoding: large.body, as: UTF8.self).contains("1048576 bytes"))
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

  @Test func devicesAreShownAndChanged() async throws {
    try await served { host, client, _ in
      let devices = try await away { try client.devices() }
      #expect(devices.count == 16)
      let card = try #require(devices.first { $0.kind == .pf })
      #expect(card.netdevs == ["enp1s0"])
      #expect(card.inUse == "has 7 VFs, which would go")
      let vf = try await away { try client.device("enp1s0/0") }
      #expect(vf.row.vf == "enp1s0/0")
      #expect(vf.row.inUse == nil)
      #expect(vf.libvirt?.parent == "computer")
      let detached = try await away { try client.detach(devices: ["enp1s0/0", "01:10.2"]) }
      #expect(detached.map(\.row.driver) == ["vfio-pci", "vfio-pci"])
      #expect(detached.map(\.done) == ["is on vfio-pci now, was on igbvf", "is on vfio-pci now, was on igbvf"])
      _ = try await away { try client.reattach(devices: ["enp1s0/0"]) }
      _ = try await away { try client.reset(devices: ["enp1s0/0"]) }
      #expect(host.devices.calls.suffix(2) == ["reattach 0000:01:10.0", "reset 0000:01:10.0"])
      let refused = await #expect(throws: ControlClientError.self) {
        try await away { try client.detach(devices: ["enp1s0"]) }
      }
      #expect(refused?.status == 409)
      let missing = await #expect(throws: ControlClientError.self) { try await away { try client.device("9:9") } }
      #expect(missing?.status == 404)
      let nothing = await #expect(throws: ControlClientError.self) { try await away { try client.detach(devices: []) } }
      #expect(nothing?.status == 400)
    }
  }

  @Test func readOnlySocketOnlyReads() async throws {
    try await served { _, _, readOnly in
      let read = try await request(readOnly, "GET", Route.status)
      #expect(read.status == 200)
      let devices = try await request(readOnly, "GET", Route.devices)
      #expect(devices.status == 200)
      for target in [
        Route.poolApply, Route.reconcile, Route.disable, Route.qemuHook, Route.vfReset, Route.deviceDetach,
      ] {
        let refused = try await request(readOnly, "POST", target)
        #expect(refused.status == 404, "\(target)")
      }
      let refused = try await request(readOnly, "PATCH", Route.vfs + "?vf=enp1s0%2F0", "{}")
      #expect(refused.status == 404)
    }
  }

  @Test func placementIsExplainedToThoseWhoOnlyRead() async throws {
    try await served { host, client, readOnly in
      _ = try await away { try client.apply(netdef: Array(FakeHost.spread.utf8), file: "x", plan: false, ifPlan: nil) }
      let guest = FakeLibvirt.guest(1, networks: ["spread", "spread"])
      host.libvirt.state.withLock { $0.defined = [guest] }
      let report = try await away { try client.explain(pool: "spread", guest: guest.guest.uuid) }
      #expect(report.guest == "g1")
      #expect(report.refusal == nil)
      #expect(report.vfs.map(\.nic).prefix(3) == [0, 1, nil])
      #expect(report.vfs.compactMap(\.rank) == Array(1...14))
      let read = try await request(readOnly, "GET", Route.poolExplain + "?pool=spread&guest=g1")
      #expect(read.status == 200)
      let missing = await #expect(throws: ControlClientError.self) {
        try await away { try client.explain(pool: "spread", guest: "nobody") }
      }
      #expect(missing?.status == 404)
      #expect(missing?.text.contains("no guest nobody") == true)
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

  @Test func macsAreBoundUnboundAndImported() async throws {
    try await served { host, client, readOnly in
      _ = try await away { try client.apply(netdef: Array(FakeHost.spread.utf8), file: "x", plan: false, ifPlan: nil) }
      let nic = NICName(pool: "spread", position: 0)
      let bound = try await away { try client.bind(guest: "web", nic: nic, mac: nil) }
      #expect(bound.binding.guestUUID == nil)
      #expect(bound.binding.mac.description.hasPrefix("52:54:00:"))
      let refused = await #expect(throws: ControlClientError.self) {
        try await away { try client.bind(guest: "db", nic: nic, mac: bound.binding.mac) }
      }
      #expect(refused?.status == 409)
      #expect(refused?.text.contains("guest web") == true && refused?.text.contains("guest db") == true)
      let list = "db spread 52:54:00:00:00:01\nweb spread/1 52:54:00:00:00:02\n"
      let plan = try await away { try client.bind(list: Array(list.utf8), plan: true) }
      #expect(!plan.done && plan.steps.count == 2)
      #expect(host.ledger.contents.bindings.count == 1)
      let done = try await away { try client.bind(list: Array(list.utf8), ifPlan: plan.token) }
      #expect(done.done)
      let macs = try await away { try client.macs() }
      #expect(macs.map(\.guest) == ["db", "web", "web"])
      let again = try await away { try client.bind(list: Array(JSONText(macs).pretty.utf8), plan: true) }
      #expect(again.steps.isEmpty)
      let gone = try await away { try client.unbind(guest: "web", nic: nil) }
      #expect(gone.map(\.nic) == [0, 1])
      for target in [Route.macBind, Route.macUnbind, Route.macImport] {
        let refused = try await request(readOnly, "POST", target + "?guest=web&nic=spread")
        #expect(refused.status == 404, "\(target)")
      }
    }
  }

  // MARK: Events

  @Test func eventsAreToldAsTheyHappenUntilTheEnd() async throws {
    let (told, tell) = AsyncStream.makeStream(of: EventRow.self)
    try await served { host, client, _ in
      let watcher = Thread {
        try? client.watch(after: nil) { for message in $0 { if let row = message.row { tell.yield(row) } } }
        tell.finish()
      }
      watcher.start()
      #expect(try await comesTrue { await host.manager.watcherCount == 1 }, "somebody watches")
      _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
      let guest = FakeLibvirt.guest(1, networks: ["sticky"])
      #expect(await host.libvirt.start(guest, host.manager) == nil)
      await host.libvirt.stop(guest.guest, host.manager)
      _ = try await away { try client.quarantine(vf: "enp1s0/6", why: "smells") }
    }
    var rows: [EventRow] = []
    for await row in told { rows.append(row) }
    let kinds = Set(rows.map(\.kind))
    #expect(
      kinds.isSuperset(of: ["poolSaved", "leaseOpened", "macBound", "leaseActive", "leaseClosed", "quarantined"]))
    #expect(rows.map(\.id) == rows.map(\.id).sorted() && Set(rows.map(\.id)).count == rows.count)
    let active = try #require(rows.first { $0.kind == "leaseActive" })
    #expect(active.guest == "g1" && active.pool == "sticky" && active.pf == "enp1s0" && active.index == 0)
    let closed = try #require(rows.first { $0.kind == "leaseClosed" })
    #expect(closed.reason == "guest stopped" && closed.lease == active.lease)
    let quarantined = try #require(rows.first { $0.kind == "quarantined" })
    #expect(quarantined.reason == "smells" && quarantined.pf == "enp1s0" && quarantined.index == 6)
  }

  @Test func whoWasAwayIsToldWhatIsStillKnownAndThatMoreIsLost() async throws {
    try await served { host, _, socket in
      _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
      // Far more than is kept.
      for round in 0..<300 {
        _ = try await host.manager.quarantine("enp1s0/6", why: "round \(round)")
        _ = try await host.manager.unquarantine("enp1s0/6")
      }
      let seen = Mutex<[EventRow]>([])
      let path = socket.path
      Thread {
        var reader = EventReader()
        _ = try? UnixHTTP(path: path).stream(
          .init(method: "GET", target: "/v1/events", headers: [(name: "Last-Event-ID", value: "1")])
        ) { bytes in seen.withLock { $0 += reader.feed(bytes).compactMap(\.row) } }
      }.start()
      #expect(try await comesTrue { seen.withLock { $0.last?.kind == "unquarantined" && $0.count > 256 } })
      let rows = seen.withLock { $0 }
      #expect(rows.first?.kind == "lost")
      #expect(rows.dropFirst().allSatisfy { $0.kind != "lost" })
      #expect((256...512).contains(rows.count - 1))
      let bad = try await away {
        try UnixHTTP(path: path).send(
          .init(method: "GET", target: "/v1/events", headers: [(name: "Last-Event-ID", value: "x")]),
          timeoutMilliseconds: 60_000)
      }
      #expect(bad.status == 400)
    }
  }

  @Test func onlySoManyWatchAndThoseWhoGoMakeRoom() async throws {
    try await served { host, _, socket in
      var watchers: [Int64] = []
      while let watcher = await host.manager.watch(after: nil, { _ in }) { watchers.append(watcher) }
      #expect(watchers.count == 32)
      let full = try await request(socket, "GET", "/v1/events")
      #expect(full.status == 503)
      await host.manager.endWatch(watchers[0])
      #expect(await host.manager.watch(after: nil, { _ in }) != nil)
    }
  }

  // MARK: The description

  @Test func whatIsDescribedIsServed() async throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: Self.share + "/openapi.json"))
    let description = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    let paths = try #require(description?["paths"] as? [String: [String: [String: Any]]])
    let routes = paths.flatMap { path, operations in
      operations.map { (path: path, method: $0.key.uppercased(), access: $0.value["x-vfpool-access"] as? String) }
    }
    try await served { _, client, socket in
      for (path, method, access) in routes where path != "/v1/events" {
        let answer = try await request(UnixHTTP(path: client.readWrite), method, path)
        #expect(!isNoRoute(answer), "\(method) \(path)")
        let looking = try await request(socket, method, path)
        #expect(isNoRoute(looking) == (access != "read"), "\(method) \(path) for who only reads")
      }
    }
  }

  private func isNoRoute(_ answer: UnixHTTP.Response) -> Bool {
    answer.status == 404 && String(decoding: answer.body, as: UTF8.self).contains("no route")
  }

  // MARK: The fleet

  @Test func aHostWithoutAFleetSaysSo() async throws {
    try await served { _, client, _ in
      let error = await #expect(throws: ControlClientError.self) { try await away { try client.fleetStatus() } }
      #expect(error?.text.hasPrefix("this host is in no fleet: set fleet in /etc/vfpool/vfpool.conf") == true)
    }
  }

  @Test func aFleetThatCannotBeUsedIsSaid() async throws {
    try await served(unusableFleet: "fleet-ca /x isn't there") { _, client, _ in
      let error = await #expect(throws: ControlClientError.self) { try await away { try client.fleetHosts() } }
      #expect(error?.text == "this host is in no fleet, though vfpool.conf names one: fleet-ca /x isn't there")
      #expect(error?.status == 503)
    }
  }

  @Test func theFleetIsServed() async throws {
    let store = FakeFleetStore(FakeFleetServer())
    var log = Logger(label: "fleet")
    log.logLevel = .critical
    let agent = FleetAgent(
      store: store, keys: FleetKeys(), host: .init(name: "a", machine: "m", ledger: "l", version: "9.9"),
      audit: FakeAudit(), log: log,
      now: { Timestamp(milliseconds: 0) })
    try await served(fleet: agent) { host, client, _ in
      let manager = host.manager
      let task = Task { await agent.run(manager) }
      _ = try await manager.apply(netdef: FakeHost.spread, plan: false)
      let guest = FakeLibvirt.guest(1, networks: ["spread"])
      while true {
        if case .connected = agent.connection { break }
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(await host.libvirt.start(guest, manager) == nil)
      let mac = try #require(guest.nics[0].mac)
      #expect(try await away { try client.fleetStatus() }.hosts.map(\.host) == ["a"])
      #expect(try await away { try client.fleetHosts() }.count == 1)
      #expect(try await away { try client.fleetFind(mac: mac) }.map(\.guest) == ["g1"])
      #expect(try await away { try client.fleetPlace(pool: "spread", count: 14) }.map(\.rank) == [nil])
      let bad = FleetApplication(netdefs: ["<network>"], hosts: nil)
      let refusal = await #expect(throws: ControlClientError.self) { try await away { try client.fleetPlan(bad) } }
      #expect(refusal?.status == 400)
      let plan = try await away {
        try client.fleetPlan(FleetApplication(netdefs: [FakeHost.spread], hosts: nil))
      }
      #expect(plan.hosts.map(\.plans.first?.steps) == [[]])
      let isUp = await #expect(throws: ControlClientError.self) {
        try await away { try client.fleetForget(host: "a") }
      }
      #expect(isUp?.text.hasPrefix("host a is in the fleet: only one that is no more can be forgotten") == true)
      task.cancel()
      await task.value
    }
  }

  // MARK: Hooks that do nothing

  @Test(arguments: [
    (ControlService.HookState.isNotLinked, "libvirt doesn't call vfpool's hooks"),
    (.isBypassed("/run/vfpool/bypass"), "/run/vfpool/bypass switches vfpool's hooks off"),
  ])
  func hooksThatDoNothingAreTheFirstProblem(state: ControlService.HookState, words: String) async throws {
    try await served(hooks: state) { _, client, _ in
      let problems = try await away { try client.status() }.problems
      #expect(problems.first?.hasPrefix(words) == true)
      let text = String(decoding: try await away { try client.metrics() }, as: UTF8.self)
      #expect(text.contains("\nvfpool_hooks_enabled 0\n"))
      #expect(text.contains("\nvfpool_problems \(problems.count)\n"))
    }
  }

  @Test func refusalsAreToldOnceAMinute() {
    let log = FakeLog()
    let refusals = RefusalLog(log: log.logger)
    for _ in 0..<100 { refusals.note("uid 1", "refused uid 1") }
    refusals.note("uid 2", "refused uid 2")
    #expect(log.lines.filter { $0.contains("refused uid 1") }.count == 1)
    #expect(log.lines.filter { $0.contains("refused uid 2") }.count == 1)
  }

  // MARK: Metrics

  @Test func metricsTellOfVFsPoolsHooksAndWhatWasCounted() async throws {
    try await served { host, client, socket in
      _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
      let guest = FakeLibvirt.guest(1, networks: ["sticky"])
      #expect(await host.libvirt.start(guest, host.manager) == nil)
      let twin = FakeLibvirt.guest(2, networks: ["sticky"], mac: guest.nics[0].mac)
      let refused = try await request(
        UnixHTTP(path: client.readWrite), "POST", "/v1/hooks/qemu?object=g2&op=prepare&subop=begin",
        twin.xml(isLive: false, rootPorts: 0))
      #expect(refused.status == 409)
      let text = String(decoding: try await away { try client.metrics() }, as: UTF8.self)
      let lines = Set(text.split(separator: "\n").map(String.init))
      #expect(lines.contains(#"vfpool_pool_vfs{pool="sticky",state="leased"} 1"#))
      #expect(lines.contains(#"vfpool_refusals_total{pool="sticky",reason="macConflict"} 1"#))
      #expect(lines.contains(#"vfpool_hook_duration_seconds_count{step="prepare"} 1"#))
      #expect(lines.contains(#"vfpool_hook_duration_seconds_bucket{step="prepare",le="+Inf"} 1"#))
      #expect(lines.contains("vfpool_hooks_enabled 1"))
      #expect(lines.contains("vfpool_libvirt_connected 1"))
      #expect(lines.contains { $0.hasPrefix("vfpool_vf_info{") && $0.contains(#"guest="g1""#) })
      #expect(lines.contains("# TYPE vfpool_refusals_total counter"))
      #expect(lines.contains("# TYPE sriov_vf_rx_bytes untyped"))
      #expect(!lines.contains("# EOF"))
      let newer = try await away {
        try socket.send(
          .init(
            method: "GET", target: "/metrics",
            headers: [(name: "Accept", value: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")]),
          timeoutMilliseconds: 60_000)
      }
      #expect(newer.header("Content-Type") == "application/openmetrics-text; version=1.0.0; charset=utf-8")
      let newerLines = String(decoding: newer.body, as: UTF8.self).split(separator: "\n")
      #expect(newerLines.last == "# EOF")
      #expect(newerLines.contains("# TYPE vfpool_refusals counter"))
      #expect(newerLines.contains(#"vfpool_refusals_total{pool="sticky",reason="macConflict"} 1"#))
    }
  }

  // MARK: Audit and permissions

  @Test func changesAreRecordedWithWhoAskedAndWhatBecameOfIt() async throws {
    let audit = FakeAudit()
    try await served(audit: audit) { host, client, _ in
      _ = try await away {
        try client.apply(netdef: Array(FakeHost.sticky.utf8), file: "sticky.xml", plan: true, ifPlan: nil)
      }
      #expect(audit.entries.withLock { $0.isEmpty }, "a plan changes nothing")
      _ = try await away {
        try client.apply(netdef: Array(FakeHost.sticky.utf8), file: "sticky.xml", plan: false, ifPlan: nil)
      }
      _ = try? await away { try client.quarantine(vf: "enp9s0/1", why: "no such") }
      let rows = try await away { try client.audits(since: nil, user: nil, limit: 10) }
      #expect(rows.map(\.operation) == ["POST /v1/vfs/quarantine", "POST /v1/pools/apply"])
      #expect(rows.allSatisfy { $0.uid == geteuid() && $0.pid == getpid() })
      #expect(rows[1].outcome == "done" && rows[1].object == "file=sticky.xml")
      #expect(rows[1].body?.hasPrefix("<network") == true)
      #expect(rows[0].outcome?.hasPrefix("notFound: ") == true)
      audit.failure.withLock { $0 = CancellationError() }
      _ = try await away { try client.quarantine(vf: "enp1s0/6", why: "smells") }
    }
  }

  @Test func peersAreToldByTheirUserAndAllTheirGroups() {
    var peer = Peer(uid: 4711, gid: 100, pid: 1, groups: [20, 30])
    #expect(peer.isIn([30]) && peer.isIn([100, 7]) && !peer.isIn([7]) && !peer.isIn([]))
    peer.uid = 0
    #expect(peer.isIn([]))
  }

  @Test(.enabled(if: geteuid() == 0)) func strangersAreToldSoAndHoldNoPlace() async throws {
    try await served { _, _, socket in
      chmod((socket.path as NSString).deletingLastPathComponent, 0o755)
      let shell = Process()
      shell.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
      let ask = """
        my $socket = IO::Socket::UNIX->new($ARGV[0]) or die "$!"; print $socket "GET /v1/status HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n";
        print while <$socket>;
        """
      shell.arguments = [
        "--reuid=12345", "--regid=12345", "--clear-groups", "/usr/bin/perl", "-MIO::Socket::UNIX", "-e", ask,
        socket.path,
      ]
      let pipe = Pipe()
      shell.standardOutput = pipe
      shell.standardError = pipe
      try shell.run()
      let output = try await away { try pipe.fileHandleForReading.readToEnd() ?? Data() }
      let text = String(decoding: output, as: UTF8.self)
      #expect(text.hasPrefix("HTTP/1.1 403"), "\(text)")
      #expect(text.contains("no permission to use"), "\(text)")
    }
  }
}
