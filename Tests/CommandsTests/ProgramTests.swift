import ControlAPI
import Foundation
import PoolModel
import SocketFakes
import Testing

@testable import Commands

/// Arguments in, exit code and words out.
@Suite struct ProgramTests {
  static let nowhere = ["--socket", "/tmp/vfpool-test-nowhere.sock"]

  static let codes: [([String], Int32)] = [
    ([], 0), (["--help"], 0), (["--version"], 0), (["pool"], 0), (["help", "pool", "apply"], 0),
    (["--generate-completion-script", "bash"], 0),
    (["nonsense"], 2), (["pool", "nonsense"], 2), (["pool", "list", "--nonsense"], 2), (["pool", "show"], 2),
    (["pool", "explain", "p"], 2), (["help", "pool", "explain"], 0),
    (["pool", "explain", "p", "--guest", "g"] + nowhere, 4),
    (["pool", "apply"], 2), (["pool", "apply", "a.xml", "b.xml", "--if-plan", "t"], 2),
    (["pool", "apply", "a.xml", "--plan", "--if-plan", "t"], 2), (["pool", "apply", "-", "-"], 2),
    (["pool", "start", "p", "--plan"], 2), (["pf", "set-vfs", "enp1s0", "-1"], 2), (["pf", "set-vfs", "enp1s0"], 2),
    (["vf", "set", "enp1s0/1"], 2), (["vf", "set", "enp1s0/1", "--trust", "maybe"], 2),
    (["vf", "set", "enp1s0/1", "--vlan", "4095"], 2), (["vf", "set", "enp1s0/1", "--vlan", "0", "--qos", "1"], 2),
    (["vf", "set", "enp1s0/1", "--vlan", "5", "--qos", "8"], 2), (["vf", "set", "enp1s0/1", "--mac", "52:54"], 2),
    (["vf", "set", "enp1s0/1", "--min-tx-rate", "9", "--max-tx-rate", "8"], 2),
    (["lease", "history", "--at", "yesterday"], 2), (["lease", "history", "--limit", "0"], 2), (["guest", "xml"], 2),
    (["mac", "bind", "web"], 2), (["mac", "bind", "web", "p/x"], 2), (["mac", "bind", "web", "p", "52:54"], 2),
    (["mac", "bind", "web", "p"] + nowhere, 4), (["mac", "unbind", "web"], 2),
    (["mac", "unbind", "web", "p", "--all"], 2),
    (["mac", "unbind", "web", "--all"] + nowhere, 4), (["mac", "import"], 2), (["help", "mac", "import"], 0),
    (["mac", "import", "/nonexistent/macs"] + nowhere, 1), (["mac", "import", "-", "--plan", "--if-plan", "t"], 2),
    (["pool", "apply", "/nonexistent/a.xml"] + nowhere, 1),
    (["status"] + nowhere, 4), (["pool", "list", "--json"] + nowhere, 4), (["reconcile"] + nowhere, 4),
    (["vf", "set", "enp1s0/1", "--vlan", "none"] + nowhere, 4),
    (["vf", "set", "enp1s0/1", "--min-tx-rate", "9", "--max-tx-rate", "0"] + nowhere, 4),
  ]

  @Test(arguments: codes)
  func exitCodes(arguments: [String], code: Int32) {
    let recording = Recording()
    #expect(recording.run(arguments) == code)
    #expect(recording.out.isEmpty == (code != 0))
    #expect(code == 0 || recording.err.hasPrefix("vfpool: "))
    #expect(!recording.err.contains("Error:"))
  }

  @Test func unreachableNamesSocketAndWayOut() {
    let recording = Recording()
    #expect(recording.run(["status"] + Self.nowhere) == 4)
    #expect(recording.err.contains("/tmp/vfpool-test-nowhere.sock"))
    #expect(recording.err.contains("systemctl start vfpoold"))
  }

  @Test func jsonIsWhatTheDaemonSaid() throws {
    let daemon = try FakeDaemon { _ in (200, JSONText(Rows.status).compact) }
    let recording = Recording()
    #expect(recording.run(["status", "--json", "--socket", daemon.path]) == 0)
    #expect(recording.out == JSONText(Rows.status).pretty + "\n")
  }

  @Test func anEmptyListSaysSoBesideTheOutput() throws {
    let daemon = try FakeDaemon { _ in (200, "[]") }
    let recording = Recording()
    #expect(recording.run(["pool", "list", "--socket", daemon.path]) == 0)
    #expect(recording.out.isEmpty)
    #expect(recording.err == "there are no pools; make one with: vfpool pool apply FILE\n")
    let json = Recording()
    #expect(json.run(["pool", "list", "--json", "--socket", daemon.path]) == 0)
    #expect(json.out == "[]\n")
  }

  @Test func namesForCompletion() throws {
    let daemon = try FakeDaemon { _ in (200, JSONText([Rows.vf, Rows.untaggedVF]).compact) }
    let recording = Recording()
    #expect(recording.run(["vf", "list", "--names", "--socket", daemon.path]) == 0)
    #expect(recording.out == "enp1s0/0\nenp1s0/1\n")
  }

  @Test func aRefusalIsTheDaemonsText() throws {
    let daemon = try FakeDaemon { _ in (409, #"{"error":"guest a1 runs with it\nsay --disrupt a1"}"#) }
    let recording = Recording()
    #expect(recording.run(["vf", "reset", "enp1s0/0", "--socket", daemon.path]) == 1)
    #expect(recording.err == "vfpool: guest a1 runs with it\nsay --disrupt a1\n")
  }

  @Test(arguments: [
    (["list"], ["a1", "b1"]), (["list", "--pool", "tenant-b"], ["b1"]), (["list", "--guest", "a1"], ["a1"]),
    (["list", "--guest", "uuid-b"], ["b1"]), (["list", "--guest", "a1", "--pool", "tenant-b"], []),
  ])
  func leasesAreFiltered(arguments: [String], guests: [String]) throws {
    var other = Rows.lease
    other.guest = .init(name: "b1", uuid: "uuid-b")
    other.pool = "tenant-b"
    let body = JSONText([LeaseRow(Rows.lease), LeaseRow(other)]).compact
    let daemon = try FakeDaemon { _ in (200, body) }
    let recording = Recording()
    #expect(recording.run(["lease"] + arguments + ["--json", "--socket", daemon.path]) == 0)
    let rows = try JSONDecoder().decode([LeaseRow].self, from: Data(recording.out.utf8))
    #expect(rows.map(\.guest) == guests)
  }

  @Test func showingAnUnknownPFNamesTheKnownOnes() throws {
    let daemon = try FakeDaemon { _ in (200, JSONText([Rows.pf, Rows.downPF]).compact) }
    let recording = Recording()
    #expect(recording.run(["pf", "show", "eth9", "--socket", daemon.path]) == 1)
    #expect(recording.err == "vfpool: no PF ‘eth9’: there are enp1s0, enp2s0\n")
  }
}
