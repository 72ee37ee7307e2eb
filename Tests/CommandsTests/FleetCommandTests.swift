import ControlAPI
import Foundation
import PoolModel
import SocketFakes
import Testing

@testable import Commands

@Suite final class FleetCommandTests {
  private let folder = "/tmp/vfpool-test-\(UInt32.random(in: 0...UInt32.max))"

  init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private func netdef() throws -> String {
    try "<network/>".write(toFile: "\(folder)/a.xml", atomically: false, encoding: .utf8)
    return "\(folder)/a.xml"
  }

  private static let mac = MACAddress(value: 0x5254_00b6_5d22)
  private static let hosts = ["kvm1", "kvm2"].map {
    FleetHostRow(host: $0, version: "0.1.0", since: Recording.now, vfs: 14, leased: 2, free: 12, pools: ["spread"])
  }

  private static func status(connected: Bool = true) -> FleetStatusReport {
    FleetStatusReport(
      host: "kvm1", connected: connected, since: Recording.now, why: connected ? nil : "no etcd member can be reached",
      pending: connected ? 0 : 3,
      members: [.init(endpoint: "https://etcd1:2379", version: "3.5.9", leader: true, bytes: 1 << 20, problem: nil)],
      hosts: hosts, pools: [.init(pool: "spread", hosts: 2, total: 28, free: 24, leased: 4, others: 0)],
      netdefs: [
        .init(
          pool: "spread", by: "kvm1", at: Recording.now, applied: 1,
          failures: [.init(host: "kvm2", why: "no PF enp1s0")],
          missing: [])
      ],
      conflicts: [
        .init(mac: mac, guest: "db", host: "kvm2", pool: "spread", winner: "web", winnerHost: "kvm1")
      ], clashes: [.init(mac: mac, host: "kvm2", otherHost: "kvm1", otherGuest: "web")])
  }

  private static func plan(
    _ steps: [String], failure: String? = nil, disrupted: [String] = []
  ) -> FleetPlanReport {
    FleetPlanReport(
      hosts: ["kvm1", "kvm2", "kvm3"].map { name in
        let fails = failure != nil && name == "kvm3"
        return .init(
          host: name,
          plans: fails ? [] : [PlanReport(steps: steps, disruptedGuests: disrupted, token: "t-\(name)", done: false)],
          failure: fails ? failure : nil)
      })
  }

  @Test func status() throws {
    let body = JSONText(Self.status()).compact
    let daemon = try FakeDaemon { _ in (200, body) }
    let recording = Recording()
    #expect(recording.run(["fleet", "status", "--socket", daemon.path]) == 0)
    #expect(
      recording.out == """
        2 hosts are in the fleet; this is kvm1, in it since 1970-01-12T13:46:40Z
        MAC 52:54:00:b6:5d:22 of guest db on kvm2 is bound to guest web on kvm1, which had it first
        MAC 52:54:00:b6:5d:22 is live on kvm2 and on kvm1, there with guest web
        netdef spread is not applied on kvm2: no PF enp1s0

        POOL    HOSTS  VFS  LEASED  FREE  OTHERS
        spread      2   28       4    24       0

        NETDEF  FROM  AT                    APPLIED  FAILED  MISSING
        spread  kvm1  1970-01-12T13:46:40Z        1       1        0

        ETCD                VERSION  ROLE    DATABASE
        https://etcd1:2379  3.5.9    leader  1024 KiB

        """)
  }

  @Test func awayItEndsWith1() throws {
    let body = JSONText(Self.status(connected: false)).compact
    let daemon = try FakeDaemon { _ in (200, body) }
    let recording = Recording()
    #expect(recording.run(["fleet", "status", "--socket", daemon.path]) == 1)
    #expect(
      recording.out.hasPrefix("kvm1 is not in the fleet since 1970-01-12T13:46:40Z: no etcd member can be reached\n"))
    #expect(recording.out.contains("3 of this host's records are still to be written"))
  }

  @Test func findsAndSaysWhenNobodyKnows() throws {
    let row = FleetFoundRow(
      mac: Self.mac, guest: "web", guestUUID: nil, pool: "spread", host: "kvm2", bound: true, live: true)
    let body = JSONText([row]).compact
    let daemon = try FakeDaemon { _ in (200, body) }
    let recording = Recording()
    #expect(recording.run(["fleet", "find", "--guest", "web", "--socket", daemon.path]) == 0)
    #expect(daemon.requests.last?.line == "GET /v1/fleet/find?guest=web")
    #expect(recording.out.contains("52:54:00:b6:5d:22  web    kvm2  yes   spread  yes"))
    let nobody = try FakeDaemon { _ in (200, "[]") }
    let silent = Recording()
    #expect(silent.run(["fleet", "find", "--mac", "\(Self.mac)", "--socket", nobody.path]) == 1)
    #expect(silent.err == "vfpool: no host of the fleet knows MAC 52:54:00:b6:5d:22\n")
    #expect(Recording().run(["fleet", "find", "--mac", "\(Self.mac)", "--guest", "web"]) == 2)
  }

  @Test func forgetsANetdefOrAHost() throws {
    let daemon = try FakeDaemon { _ in (200, "[]") }
    let recording = Recording()
    #expect(recording.run(["fleet", "forget", "spread", "--socket", daemon.path]) == 0)
    #expect(daemon.requests.last?.line == "POST /v1/fleet/forget?pool=spread")
    #expect(recording.out == "netdef spread is no longer the fleet's; each host keeps its pool\n")
    let body = JSONText([
      FleetFoundRow(
        mac: Self.mac, guest: "web", guestUUID: nil, pool: "spread", host: "kvm7", bound: true, live: false)
    ]).compact
    let other = try FakeDaemon { _ in (200, body) }
    let host = Recording()
    #expect(host.run(["fleet", "forget", "--host", "kvm7", "--socket", other.path]) == 0)
    #expect(other.requests.last?.line == "POST /v1/fleet/forget-host?host=kvm7")
    #expect(host.out == "52:54:00:b6:5d:22 is bound no more to guest web on host kvm7\nhost kvm7 is forgotten\n")
    #expect(Recording().run(["fleet", "forget"]) == 2)
    #expect(Recording().run(["fleet", "forget", "spread", "--host", "kvm7"]) == 2)
  }

  @Test func placesTheFirst() throws {
    let rows = [
      FleetPlaceRow(
        host: "kvm2", pool: "spread", total: 14, free: 3, leased: 11, policy: .spread, rank: 1, why: nil),
      FleetPlaceRow(
        host: "kvm1", pool: "spread", total: 14, free: 1, leased: 13, policy: .spread, rank: nil,
        why: "1 of 14 VFs are free"),
    ]
    let body = JSONText(rows).compact
    let daemon = try FakeDaemon { _ in (200, body) }
    let recording = Recording()
    #expect(
      recording.run(["fleet", "place", "--pool", "spread", "--count", "2", "--first", "--socket", daemon.path]) == 0)
    #expect(recording.out == "kvm2\n")
    #expect(daemon.requests.last?.line == "GET /v1/fleet/place?pool=spread&count=2")
    let full = JSONText(Array(rows.dropFirst())).compact
    let none = try FakeDaemon { _ in (200, full) }
    let silent = Recording()
    #expect(silent.run(["fleet", "place", "--pool", "spread", "--count", "2", "--socket", none.path]) == 1)
    #expect(silent.err == "vfpool: no host has 2 free VFs in pool spread\n")
  }

  @Test func plansStandTogetherWhereTheyAreTheSame() throws {
    let body = JSONText(Self.plan(["define network x"], failure: "no PF enp1s0")).compact
    let daemon = try FakeDaemon { _ in (200, body) }
    let recording = Recording()
    #expect(recording.run(["fleet", "apply", try netdef(), "--socket", daemon.path]) == 1)
    #expect(
      recording.out == """
        kvm1, kvm2
          + define network x

        kvm3
          no PF enp1s0

        """)
    #expect(
      recording.err == "vfpool: nothing is done: it can't be done on kvm3; --skip leaves a host out\n")
    #expect(daemon.requests.map(\.line) == ["POST /v1/fleet/plan"])
  }

  @Test func guestsThatWouldLoseTheirVFAreInTheWay() throws {
    let body = JSONText(Self.plan(["define network x"], disrupted: ["web"])).compact
    let daemon = try FakeDaemon { _ in (200, body) }
    let recording = Recording()
    #expect(recording.run(["fleet", "apply", try netdef(), "--socket", daemon.path]) == 1)
    #expect(recording.err == "vfpool: nothing is done: guests would lose their VF on kvm1, kvm2, kvm3\n")
  }

  @Test func doesWhatWasPlanned() throws {
    let plan = JSONText(Self.plan(["define network x"])).compact
    let done = JSONText(FleetPlanReport(hosts: [.init(host: "kvm1", plans: [], failure: nil)])).compact
    let daemon = try FakeDaemon { request in (200, request.line == "POST /v1/fleet/plan" ? plan : done) }
    let recording = Recording()
    let name = try netdef()
    #expect(recording.run(["fleet", "apply", name, "--host", "kvm1", "--socket", daemon.path]) == 0)
    #expect(recording.out == "\(name): applied on kvm1\n")
    let sent = try #require(daemon.requests.last?.body)
    #expect(sent.contains(#""kvm2":["t-kvm2"]"#))
    #expect(sent.contains(#""hosts":["kvm1"]"#))
    let planning = Recording()
    #expect(planning.run(["fleet", "apply", try netdef(), "--plan", "--socket", daemon.path]) == 3)
    #expect(planning.out.hasPrefix("kvm1, kvm2, kvm3\n"))
  }

  @Test func ofSeveralEachIsPlannedAnew() throws {
    let plan = JSONText(Self.plan(["define network x"])).compact
    let done = JSONText(FleetPlanReport(hosts: [.init(host: "kvm1", plans: [], failure: nil)])).compact
    let daemon = try FakeDaemon { request in (200, request.line == "POST /v1/fleet/plan" ? plan : done) }
    let name = try netdef()
    #expect(Recording().run(["fleet", "apply", name, name, "--skip", "kvm9", "--socket", daemon.path]) == 0)
    #expect(daemon.requests.map { String($0.line.suffix(5)) } == ["/plan", "/plan", "apply", "/plan", "apply"])
    #expect(daemon.requests.allSatisfy { $0.body.contains(#""except":["kvm9"]"#) })
  }

  @Test func eventsAreOneALine() {
    let row = FleetEventRow(revision: 7, kind: .hostGone, message: "host kvm2 is gone", host: "kvm2")
    #expect(row.line(.plain) == "hostGone          host kvm2 is gone\n")
  }
}
