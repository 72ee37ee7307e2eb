import ControlAPI
import Doctor
import Foundation
import HostFakes
import PoolModel
import SocketFakes
import Testing

@testable import Commands

@Suite struct DoctorTests {
  private func run(_ host: FakeHost, _ arguments: String..., socket: String = ProgramTests.nowhere[1])
    -> (code: Int32, recording: Recording)
  {
    let recording = Recording()
    return (recording.run(["doctor", "--root", host.root, "--socket", socket] + arguments), recording)
  }

  /// It works without vfpoold, and says so before anything else; the missing libvirt is a fault.
  @Test func withoutVFPoold() throws {
    let (code, recording) = run(try FakeHost())
    #expect(code == 1)
    #expect(recording.err.isEmpty)
    let lines = recording.out.split(separator: "\n")
    #expect(lines[0] == "VFPOOLD")
    #expect(lines[1].hasPrefix("  warning  vfpoold-answers"))
    #expect(lines[1].contains("vfpoold doesn't answer on \(ProgramTests.nowhere[1])"))
    #expect(lines[2].hasSuffix("→ systemctl enable --now vfpoold"))
    #expect(recording.out.contains("\nFIRMWARE AND KERNEL\n"))
    #expect(lines.last?.contains("1 fault, ") == true)
  }

  @Test func warningsHaveACodeOfTheirOwn() throws {
    let host = try FakeHost()
    try host.file("/usr/sbin/libvirtd", "", mode: 0o755)
    #expect(run(host).code == 5)
  }

  @Test func jsonNamesStay() throws {
    let (code, recording) = run(try FakeHost(), "--json")
    #expect(code == 1)
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(recording.out.utf8)) as? [String: Any])
    #expect(Set(object.keys) == ["version", "verdict", "isRoot", "checks"])
    #expect(object["verdict"] as? String == "fault")
    let checks = try #require(object["checks"] as? [[String: Any]])
    #expect(checks.allSatisfy { Set($0.keys) == ["group", "name", "verdict", "evidence", "fix"] })
    #expect(checks.first?["name"] as? String == "vfpoold-answers")
    #expect(Set(checks.compactMap { $0["group"] as? String }) == Set(CheckGroup.allCases.map(\.rawValue)))
  }

  /// vfpoold knows pools better than libvirt's files do.
  @Test func whatVFPooldTellsComesFirst() throws {
    let daemon = [Check(.daemonAnswers, .ok, ["a"]), Check(.poolPFs, .warning, ["b"])]
    let host = [Check(.kvm, .ok, ["c"]), Check(.poolPFs, .ok, ["d"]), Check(.poolTrunks, .ok, ["e"])]
    let report = DoctorReport(isRoot: true, daemon: daemon, host: host)
    #expect(report.checks.map(\.evidence) == [["a"], ["c"], ["b"], ["e"]])
  }

  @Test func namesFromTheHostMoveNoCursor() {
    let report = DoctorReport(
      isRoot: true, checks: [Check(.pfs, .warning, ["a\u{1b}[2J", "b"], fix: ["c\u{7}"])])
    #expect(
      report.text(.plain) == """
        CARD AND DRIVER
          warning  pfs  a\u{fffd}[2J
                        b
                        → c\u{fffd}

        warnings: pfs
        1 checks: 1 warning

        """)
  }
}
