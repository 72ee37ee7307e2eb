import ControlAPI
import PoolModel
import SocketFakes
import Synchronization
import Testing

@testable import Commands

struct WatchTests {
  private static let row = EventRow(
    id: 1, time: Timestamp(milliseconds: 86_400_000 * 20_000 + 3_661_000), kind: "refused",
    message: "pool p: no free VF for guest g: 1 of 1 are leased\n  p/0: guest a\u{1b}[2J", pool: "p")

  @Test func anEventIsOneLineOfText() {
    #expect(
      Self.row.line(.plain)
        == "01:01:01Z  refused           pool p: no free VF for guest g: 1 of 1 are leased · p/0: guest a\u{fffd}[2J\n")
  }

  /// On a host where nothing happens, too.
  @Test func itWaitsForAVfpooldThatIsRestartedBeforeTheFirstEvent() throws {
    let answers = Mutex([(200, ""), (200, ""), (404, #"{"error":"that is enough"}"#)])
    let daemon = try FakeDaemon { _ in answers.withLock { $0.removeFirst() } }
    let recording = Recording()
    #expect(recording.run(["watch", "--json", "--socket", daemon.path]) == 1)
    #expect(daemon.lines == Array(repeating: "GET /v1/events", count: 3))
    #expect(recording.err.contains("vfpoold has ended; waiting for it\n"))
    #expect(recording.err.hasSuffix("that is enough\n"))
  }

  @Test func onATerminalItIsCutAtTheEdge() {
    let line = Self.row.line(.plain, columns: 60)
    #expect(line.dropLast().count == 60)
    #expect(line.hasSuffix("…\n"))
  }

  @Test func theScreenHoldsTheStatusAndTheNewestEventsAndNoMore() {
    let status = StatusReport(
      version: "9", libvirtConnected: true, pfs: [], pools: [], leases: [],
      problems: (1...30).map { "problem \($0)" })
    let recording = Recording()
    let size = TerminalSize(rows: 12, columns: 60)
    let screen = watchScreen(status, [Self.row, Self.row], size, recording.console)
    #expect(screen.hasPrefix("\u{1b}[H\u{1b}[2Jvfpoold 9, connected to libvirt\n"))
    let lines = screen.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count <= size.rows)
    #expect(screen.contains("more lines: vfpool status"))
    #expect(lines.suffix(3).map(\.isEmpty) == [false, false, true])
    let quiet = watchScreen(status, [], TerminalSize(rows: 60, columns: 80), recording.console)
    #expect(quiet.contains("problem 30") && quiet.hasSuffix("\nwaiting for events; Ctrl-C ends\n"))
  }
}
