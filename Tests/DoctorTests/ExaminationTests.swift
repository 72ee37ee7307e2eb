import Doctor
import HostFakes
import Testing

@Suite struct ExaminationTests {
  static let ofTheDaemon: Set<CheckName> = [
    .daemonAnswers, .daemonProblems, .poolMode, .poolFree, .poolLinks, .poolQuarantine, .poolDrift,
  ]

  @Test func everyCheckIsMadeOnceInTheOrderOfItsGroup() throws {
    let host = try FakeHost(.intel)
    try host.pf("enp1s0", at: "0000:01:00.0")
    let checks = Examination(root: host.root, isRoot: true).checks()
    #expect(checks.map(\.name) == CheckName.allCases.filter { !Self.ofTheDaemon.contains($0) })
    #expect(checks.allSatisfy { !$0.evidence.isEmpty && $0.group == $0.name.group })
    #expect(checks.allSatisfy { $0.verdict != .ok || $0.fix.isEmpty })
    #expect(CheckName.allCases.count >= 30)
  }

  /// Whatever a host lacks, nothing is made up: no fault but the missing libvirt.
  @Test func anEmptyFolder() throws {
    let checks = Examination(root: try FakeHost().root, isRoot: false).checks()
    #expect(checks.filter { $0.verdict == .fault }.map(\.name) == [.libvirtInstalled])
    #expect(Examination(root: "/nonexistent", isRoot: false).checks().map(\.verdict) == checks.map(\.verdict))
  }

  /// Whatever is on this machine, it comes to an end.
  @Test func thisMachine() { #expect(Examination(isRoot: false).checks().count > 30) }

  @Test func theWorstIsTheGreatest() {
    #expect([Verdict.warning, .ok, .fault, .unknown].sorted() == [.ok, .unknown, .warning, .fault])
  }
}
