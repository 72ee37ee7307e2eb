import ControlAPI
import Foundation
import PoolModel
import SocketFakes
import Testing

@testable import Commands

@Suite final class PoolApplyTests {
  private let folder = "/tmp/vfpool-test-\(UInt32.random(in: 0...UInt32.max))"

  init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private func file(_ name: String, _ text: String = "<network/>") throws -> String {
    try text.write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
    return "\(folder)/\(name)"
  }

  private func report(_ steps: [String], done: Bool) -> String {
    JSONText(PlanReport(steps: steps, disruptedGuests: steps.isEmpty ? [] : ["a1"], token: "t1", done: done)).compact
  }

  @Test func appliesFilesInOrder() throws {
    let (a, b) = (try file("a.xml", "<network>a</network>"), try file("b.xml", "<network>b</network>"))
    let body = report(["define network x"], done: true)
    let daemon = try FakeDaemon { request in (200, body) }
    let recording = Recording()
    #expect(recording.run(["pool", "apply", b, a, "--socket", daemon.path]) == 0)
    #expect(daemon.requests.map(\.body) == ["<network>b</network>", "<network>a</network>"])
    #expect(
      recording.out == """
        \(b): done
          * define network x
          guests that lost their VF: a1
        \(a): done
          * define network x
          guests that lost their VF: a1

        """)
  }

  @Test(arguments: [(true, Int32(3)), (false, 0)])
  func aPlanWithChangesEndsWith3(hasChanges: Bool, code: Int32) throws {
    let body = report(hasChanges ? ["define network x"] : [], done: false)
    let daemon = try FakeDaemon { _ in (200, body) }
    let recording = Recording()
    let name = try file("a.xml")
    #expect(recording.run(["pool", "apply", name, "--plan", "--socket", daemon.path]) == code)
    #expect(recording.err.isEmpty)
    #expect(
      recording.out
        == (hasChanges
          ? """
          \(name): would do
            + define network x
            guests that would lose their VF: a1
            to do exactly this: --if-plan t1

          """ : "\(name): nothing to do\n"))
  }

  @Test func nothingIsSentWhenAFileCannotBeRead() throws {
    let daemon = try FakeDaemon { _ in (500, "") }
    let recording = Recording()
    let missing = "\(folder)/missing.xml"
    #expect(recording.run(["pool", "apply", try file("a.xml"), missing, "--socket", daemon.path]) == 1)
    #expect(recording.err == "vfpool: can't read \(missing): no such file or directory\n")
    #expect(daemon.requests.isEmpty)
  }

  @Test func anErrorNamesItsFileAndWhatWasLeftOut() throws {
    let (a, b) = (try file("a.xml"), try file("b.xml"))
    let daemon = try FakeDaemon { _ in (400, #"{"error":"line 7: no <forward>"}"#) }
    let recording = Recording()
    #expect(recording.run(["pool", "apply", a, b, "--socket", daemon.path]) == 1)
    #expect(recording.err == "vfpool: \(a): line 7: no <forward>\nnot applied: \(b)\n")
    #expect(daemon.requests.count == 1)
  }

  @Test func aPlanLooksAtEveryFile() throws {
    let (a, b) = (try file("a.xml"), try file("b.xml"))
    let good = report(["define network x"], done: false)
    let daemon = try FakeDaemon { request in
      request.line.contains("a.xml") ? (400, #"{"error":"line 7: no <forward>"}"#) : (200, good)
    }
    let recording = Recording()
    #expect(recording.run(["pool", "apply", a, b, "--plan", "--json", "--socket", daemon.path]) == 1)
    #expect(recording.err == "vfpool: \(a): line 7: no <forward>\n")
    #expect(
      recording.out == """
        [
          {
            "file": "\(b)",
            "steps": [
              "define network x"
            ],
            "disruptedGuests": [
              "a1"
            ],
            "token": "t1",
            "done": false,
            "notes": [],
            "changes": []
          }
        ]

        """)
  }

  @Test func aPlanSaysWhenWhatTakesEffect() throws {
    let report = PlanReport(
      steps: ["redefine network x"], token: "t1", done: false,
      changes: [
        PoolChange("maxTxRate 500 becomes 800", .nextStart, guests: ["web"]),
        PoolChange("VFs enp2s0/0-6 join the pool", .now, restartsNetwork: true),
      ])
    #expect(
      report.text("a.xml", .plain) == """
        a.xml: would do
          + redefine network x
          = maxTxRate 500 becomes 800: for web at its next start, for others now
          = VFs enp2s0/0-6 join the pool: now, by a restart of the network
          to do exactly this: --if-plan t1

        """)
    let data = Data(JSONText(report).compact.utf8)
    #expect(try JSONDecoder().decode(PlanReport.self, from: data) == report)
    let older = #"{"steps":[],"disruptedGuests":[],"token":"","done":true,"notes":[]}"#
    #expect(try JSONDecoder().decode(PlanReport.self, from: Data(older.utf8)).changes == [])
  }
}
