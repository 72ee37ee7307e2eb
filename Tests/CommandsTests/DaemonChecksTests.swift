import ControlAPI
import Doctor
import PoolModel
import SocketFakes
import Testing

@testable import Commands

@Suite struct DaemonChecksTests {
  static let pf = PFRow(
    PF(name: "enp1s0", ifindex: 2, carrier: true, mtu: 1500, numVFs: 7, totalVFs: 7), leased: 0, free: 7)
  static let pool = PoolRow(
    name: "a", uuid: "0a", active: true, autostart: true, policy: .pack, total: 1, free: 1, leased: 0, reserved: 0,
    quarantined: 0, mode: .enforce)
  static let vf = VFRow(VF(id: VFIndex(pf: "enp1s0", index: 0), pci: Rows.pci), pool: "a", state: .free)
  static let status = StatusReport(
    version: "1", libvirtConnected: true, pfs: [pf], pools: [pool], leases: [], problems: [])

  private func checks(
    _ status: StatusReport = status, vfs: [VFRow] = [vf], drifts: [String] = []
  ) -> [CheckName: Check] {
    let checks = DaemonChecks(
      status: { () throws(ControlClientError) in status }, vfs: { () throws(ControlClientError) in vfs },
      drifts: { () throws(ControlClientError) in PlanReport(steps: drifts, token: "", done: false) }
    ).checks()
    return Dictionary(checks.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
  }

  private func changed(_ change: (inout StatusReport) -> Void) -> StatusReport {
    var status = Self.status
    change(&status)
    return status
  }

  @Test func fine() {
    let found = checks()
    #expect(found.values.allSatisfy { $0.verdict == .ok && $0.fix.isEmpty }, "\(found)")
    #expect(
      Set(found.keys)
        == [
          .daemonAnswers, .daemonProblems, .poolMTU, .poolPFs, .poolStarted, .poolMode, .poolFree, .poolLinks,
          .poolQuarantine, .poolDrift,
        ])
  }

  @Test func problemsAreWarnings() throws {
    let status = changed { $0.problems = ["pool a: no PF\ngive it one"] }
    let body = JSONText(status).compact
    let daemon = try FakeDaemon { _ in (200, body) }
    let client = ControlClient(readWrite: daemon.path, readOnly: nil)
    let found = DaemonChecks(client).checks()
    #expect(found[1].verdict == .warning)
    #expect(found[1].evidence == ["pool a: no PF", "give it one"])
    // What the daemon answers to the other questions is no list of VFs, and no plan.
    #expect(found.filter { $0.verdict == .unknown }.map(\.name) == [.poolDrift, .poolLinks, .poolQuarantine])
  }

  @Test(arguments: [
    (ControlClientError.Code.refused, Verdict.unknown), (.unreachable, .warning), (.failed, .warning),
    (.malformed, .warning),
  ])
  func noAnswer(code: ControlClientError.Code, verdict: Verdict) {
    let error = ControlClientError(code: code, operation: "GET /v1/status", text: "one\ntwo")
    let found = DaemonChecks(
      status: { () throws(ControlClientError) in throw error }, vfs: { () throws(ControlClientError) in throw error },
      drifts: { () throws(ControlClientError) in throw error }
    ).checks()
    #expect(found.map(\.verdict) == [verdict])
    #expect(found[0].evidence == ["one", "two"])
  }

  @Test func poolsThatAreNotStarted() {
    let stopped = changed {
      $0.pools[0].active = false
      $0.pools[0].autostart = false
    }
    #expect(checks(stopped)[.poolStarted]?.fix == ["vfpool pool start a", "virsh net-autostart a"])
    #expect(checks(changed { $0.libvirtConnected = false })[.poolStarted]?.verdict == .unknown)
  }

  @Test func aPoolThatIsOnlyWatched() {
    #expect(checks(changed { $0.pools[0].mode = .observe })[.poolMode]?.fix == ["vfpool pool enforce a --plan"])
  }

  @Test func aFullPool() {
    let check = checks(
      changed {
        $0.pools[0].free = 0
        $0.pools[0].leased = 1
      })[.poolFree]
    #expect(check?.evidence == ["pool a has no free VF, of 1: 1 leased"])
  }

  @Test func aPoolWithoutVFs() {
    #expect(checks(changed { $0.pools[0].total = 0 }, vfs: [])[.poolPFs]?.verdict == .fault)
    let gone = VFRow(VF(id: VFIndex(pf: "", index: -1), pci: Rows.pci), pool: "a", state: .gone)
    #expect(checks(vfs: [gone])[.poolPFs]?.verdict == .fault)
    let check = checks(changed { $0.pools[0].total = 2 }, vfs: [gone, Self.vf])[.poolPFs]
    #expect(check?.verdict == .warning)
    #expect(check?.evidence == ["pool a lists 2 VFs, of which 1 aren't there: 0000:01:10.0"])
  }

  @Test func aPFWithoutCarrier() {
    let leased = VFRow(Self.vf.copy, pool: "a", state: .leased, guest: "web")
    let check = checks(changed { $0.pfs[0].carrier = false }, vfs: [leased])[.poolLinks]
    #expect(check?.evidence == ["PF enp1s0 of pool a has no carrier; guests that have a VF of it: web"])
    #expect(checks(changed { $0.pfs[0].carrier = nil })[.poolLinks]?.fix == ["ip link set enp1s0 up"])
    // Nobody's PF.
    #expect(checks(changed { $0.pfs[0].carrier = nil }, vfs: [])[.poolLinks]?.verdict == .ok)
  }

  @Test func quarantinedVFs() {
    let check = checks(vfs: [VFRow(Self.vf.copy, pool: "a", state: .quarantined, why: "trust stayed on")])[
      .poolQuarantine]
    #expect(check?.evidence == ["enp1s0/0 of pool a is quarantined: trust stayed on"])
    #expect(check?.fix == ["vfpool vf reset enp1s0/0"])
  }

  @Test func drifts() {
    #expect(checks(drifts: ["free VF x is off its baseline: set trust off"])[.poolDrift]?.verdict == .warning)
  }

  @Test func pfsOfOnePoolWithDifferentMTUs() {
    let status = changed { status in
      status.pfs.append(
        PFRow(PF(name: "enp2s0", ifindex: 3, carrier: true, mtu: 9000, numVFs: 7, totalVFs: 7), leased: 0, free: 7))
    }
    let other = VFRow(VF(id: VFIndex(pf: "enp2s0", index: 0)), pool: "a", state: .free)
    #expect(checks(status)[.poolMTU]?.verdict == .ok)
    #expect(checks(status, vfs: [Self.vf, other])[.poolMTU]?.fix[0] == "ip link set enp1s0 mtu 9000")
  }
}

extension VFRow {
  /// The VF that it is about.
  fileprivate var copy: VF { VF(id: VFIndex(pf: pf, index: index), pci: pci) }
}
