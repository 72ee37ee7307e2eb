import PoolModel
import Synchronization
import Testing

@testable import Commands

struct LedgerTests {
  private static let whole =
    #"{"path": "/var/lib/vfpool/ledger.sqlite", "bytes": 4097, "faults": [], "rows": {"pool": 2, "lease": 7}}"#

  /// Runs `vfpool ledger …` with programs that record what they are asked.
  private func run(
    _ arguments: [String], answer: Bool? = nil, prints: String = whole, fails: Bool = false, isActive: Bool = true
  ) -> (code: Int32, recording: Recording, calls: [String]) {
    let calls = Mutex<[String]>([])
    let recording = Recording(answer: answer)
    let program = LedgerProgram(
      vfpoold: { arguments throws(CommandError) in
        calls.withLock { $0.append("vfpoold " + arguments.joined(separator: " ")) }
        if fails { throw CommandError(.failed, "vfpoold failed: exit code 1") }
        return prints
      },
      systemctl: { arguments throws(CommandError) in
        if arguments[0] == "is-active" {
          if !isActive { throw CommandError(.failed, "exit code 3") }
          return "active"
        }
        calls.withLock { $0.append("systemctl " + arguments.joined(separator: " ")) }
        return ""
      })
    let code = LedgerProgram.$current.withValue(program) { recording.run(["ledger"] + arguments) }
    return (code, recording, calls.withLock { $0 })
  }

  @Test func aWholeOneIsSaidToBe() {
    let (code, recording, calls) = run(["check"])
    #expect(code == 0)
    #expect(recording.out == "/var/lib/vfpool/ledger.sqlite: 5 KiB, whole\n  2 pools, 7 open leases\n")
    #expect(calls == ["vfpoold check"])
  }

  @Test func aDamagedOneEndsWith1() {
    let (code, recording, _) = run(
      ["check", "/b"], prints: #"{"path": "/b", "bytes": 0, "faults": ["Tree 12 page 7: bad"], "rows": {}}"#)
    #expect(code == 1)
    #expect(recording.out == "/b: 0 KiB, DAMAGED\n  ! Tree 12 page 7: bad\n")
  }

  @Test(arguments: [["restore", "/b"], ["rebuild"]]) func theServiceIsStoppedMeanwhile(verb: [String]) {
    let asked = run(verb, answer: true)
    #expect(asked.code == 0)
    #expect(
      asked.calls == [
        "systemctl stop vfpoold.service", "vfpoold \(verb.joined(separator: " "))", "systemctl start vfpoold.service",
      ])
    let refused = run(verb, answer: false)
    #expect(refused.code == 1 && refused.calls == [] && refused.recording.err.contains("nothing was changed"))
    let alone = run(verb)
    #expect(alone.code == 1 && alone.calls == [] && alone.recording.err.contains("say --yes"))
    let failed = run(verb + ["--yes"], fails: true)
    #expect(failed.code == 1 && failed.calls.last == "systemctl start vfpoold.service")
    let stopped = run(verb + ["--yes"], isActive: false)
    #expect(stopped.code == 0 && stopped.calls == ["vfpoold \(verb.joined(separator: " "))"])
  }

  @Test func whatWasPutAsideAndLostIsNamed() {
    let (_, recording, _) = run(
      ["rebuild", "--yes"],
      prints: #"{"path": "/l", "bytes": 1, "faults": [], "rows": {}, "aside": "/l.damaged-1", "lost": {"history": 3}}"#)
    #expect(
      recording.out
        == "/l: 1 KiB, whole\n  the ledger that was there: /l.damaged-1\n"
        + "  ! leases that are over: 3 or more could not be taken over\n")
  }
}
