import ControlAPI
import PoolModel
import SocketFakes
import Testing

@testable import Commands

@Suite struct SelfTestTests {
  private static func report(left: String? = nil, quarantined: Bool = false) -> SelfTestReport {
    SelfTestReport(
      vf: VFIndex(pf: "enp1s0", index: 6), pci: PCIAddress(bus: 1, slot: 0x11, function: 4), driver: "igb",
      attributes: [
        TrialRow(attribute: "trust", was: "trust off", set: "trust on", outcome: .ok),
        TrialRow(
          attribute: "minTxRate", was: "minTxRate 0", set: "minTxRate 50", outcome: .refused,
          detail: "cannot set minTxRate 50: invalid argument"),
        TrialRow(attribute: "rssQuery", was: nil, set: nil, outcome: .unsupported, detail: "not reported"),
      ], left: left, quarantined: quarantined)
  }

  private func run(_ report: SelfTestReport, _ arguments: String...) throws -> (code: Int32, recording: Recording) {
    let daemon = try FakeDaemon { _ in (200, JSONText(report).compact) }
    let recording = Recording()
    let code = recording.run(["selftest", "--pf", "enp1s0", "--socket", daemon.path] + arguments)
    #expect(daemon.requests.map(\.line) == ["POST /v1/pfs/selftest?pf=enp1s0"])
    return (code, recording)
  }

  @Test func whatTheDriverCanAndCannotDo() throws {
    let (code, recording) = try run(Self.report())
    #expect(code == 0)
    #expect(
      recording.out == """
        VF        enp1s0/6 (0000:01:11.4)
        driver    igb
        restored  yes

        ATTRIBUTE  WAS  SET  RESULT       WHY
        trust      off  on   ok           -
        minTxRate  0    50   refused      cannot set minTxRate 50: invalid argument
        rssQuery   -    -    unsupported  not reported

        """)
  }

  @Test(arguments: [(true, "vfpool vf reset enp1s0/6"), (false, "vfpool vf show enp1s0/6")])
  func aVFThatDidNotComeBack(quarantined: Bool, way: String) throws {
    let (code, recording) = try run(Self.report(left: "trust off", quarantined: quarantined))
    #expect(code == 1)
    #expect(recording.out.contains("restored  no\n"))
    #expect(recording.err.contains("enp1s0/6 is not what it was before: trust off"))
    #expect(recording.err.contains(way))
  }

  @Test func jsonIsWhatTheDaemonSaid() throws {
    let (code, recording) = try run(Self.report(left: "trust off"), "--json")
    #expect(code == 1)
    #expect(recording.out == JSONText(Self.report(left: "trust off")).pretty + "\n")
    #expect(recording.out.contains(#""outcome": "unsupported""#))
  }
}
