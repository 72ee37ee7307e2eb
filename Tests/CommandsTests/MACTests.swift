import ControlAPI
import Foundation
import PoolModel
import SocketFakes
import Testing

@testable import Commands

@Suite struct MACTests {
  private static let row = MACRow(
    MACBinding(guest: Rows.guest, pool: "tenant-a", nic: 1, mac: Rows.mac, lastVF: nil, lastSeen: nil))

  @Test func bindSaysWhatIsBoundAndWhatToKnow() throws {
    let body = JSONText(MACChange(binding: Self.row, notes: ["set it there"])).compact
    let daemon = try FakeDaemon { _ in (200, body) }
    let recording = Recording()
    #expect(recording.run(["mac", "bind", "a1", "tenant-a/1", "--socket", daemon.path]) == 0)
    #expect(
      recording.out == """
        52:54:00:aa:00:01 is bound to NIC tenant-a/1 of guest a1
          note: set it there

        """)
    #expect(daemon.lines == ["POST /v1/macs/bind?guest=a1&nic=tenant-a%2F1"])
    let json = Recording()
    #expect(json.run(["mac", "bind", "a1", "tenant-a/1", "--json", "--socket", daemon.path]) == 0)
    #expect(json.out == JSONText(MACChange(binding: Self.row, notes: ["set it there"])).pretty + "\n")
  }

  @Test func bindSaysThatTheGuestIsStillToCome() throws {
    let promised = MACBinding(guest: BoundGuest(name: "new", uuid: nil), pool: "p", nic: 0, mac: Rows.mac)
    let body = JSONText(MACChange(binding: MACRow(promised), notes: [])).compact
    let daemon = try FakeDaemon { _ in (200, body) }
    let recording = Recording()
    #expect(recording.run(["mac", "bind", "new", "p", "\(Rows.mac)", "--socket", daemon.path]) == 0)
    #expect(recording.out == "52:54:00:aa:00:01 is bound to NIC p/0 of guest new, which isn't defined yet\n")
  }

  @Test func unbindSaysWhatIsForgotten() throws {
    let body = JSONText([Self.row]).compact
    let daemon = try FakeDaemon { _ in (200, body) }
    let recording = Recording()
    #expect(recording.run(["mac", "unbind", "a1", "--all", "--socket", daemon.path]) == 0)
    #expect(recording.out == "52:54:00:aa:00:01 is bound no more to NIC tenant-a/1 of guest a1\n")
    #expect(daemon.lines == ["POST /v1/macs/unbind?guest=a1"])
  }

  private func list() throws -> String {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("macs-\(UUID().uuidString)").path
    try "a1 p \(Rows.mac)\n".write(toFile: path, atomically: false, encoding: .utf8)
    return path
  }

  @Test(arguments: [(true, Int32(3)), (false, 0)])
  func importSendsTheListAndShowsThePlan(plan: Bool, code: Int32) throws {
    let body = JSONText(PlanReport(steps: ["bind it"], token: "t", done: !plan)).compact
    let daemon = try FakeDaemon { _ in (200, body) }
    let file = try list()
    defer { try? FileManager.default.removeItem(atPath: file) }
    let recording = Recording()
    let options = (plan ? ["--plan"] : []) + ["--socket", daemon.path]
    #expect(recording.run(["mac", "import", file] + options) == code)
    #expect(daemon.requests.map(\.body) == ["a1 p 52:54:00:aa:00:01\n"])
    #expect(recording.out.hasPrefix(plan ? "\(file): would do\n  + bind it\n" : "\(file): done\n  * bind it\n"))
  }

  @Test func everyMistakeIsToldWithFileAndLine() throws {
    let daemon = try FakeDaemon { _ in (409, #"{"error":"line 1: no pool p\nline 7: no"}"#) }
    let file = try list()
    defer { try? FileManager.default.removeItem(atPath: file) }
    let recording = Recording()
    #expect(recording.run(["mac", "import", file, "--socket", daemon.path]) == 1)
    #expect(recording.err == "vfpool: \(file): line 1: no pool p\n\(file): line 7: no\n")
  }
}
