import FaultPoints
import Foundation
import Glibc
import PoolFlows
import Testing

struct FaultRunTests {
  private let claim = FaultPoint(.networksClaim, .after)
  private let read = FaultPoint(.linksRead, .before)
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("faults-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  private func file(_ name: String, _ text: String? = nil) throws -> String {
    let path = folder.appendingPathComponent(name).path
    if let text { try text.write(toFile: path, atomically: true, encoding: .utf8) }
    return path
  }

  @Test func errorsAreThrownWhereThePlanHasThem() throws {
    let run = try FaultRun("networks.claim/after:2=EPERM, links.read/before=disconnected")
    try run.pass(claim)
    let error = #expect(throws: FaultError.self) { try run.pass(claim) }
    #expect(error?.description == "Operation not permitted (made to fail at networks.claim/after)")
    try run.pass(claim)
    let lost = #expect(throws: FlowError.self) { try run.pass(read) }
    #expect(lost?.code == .unavailable)
  }

  @Test func killIsSIGKILL() async {
    await #expect(processExitsWith: .signal(SIGKILL)) {
      try FaultRun("any:2=kill").pass(FaultPoint(.ledgerCommit, .before))
      let run = try FaultRun("any:2=kill")
      for _ in 1...2 { try run.pass(FaultPoint(.ledgerCommit, .before)) }
    }
  }

  @Test func planInAFileCountsFromWhenItIsThereAndIsGoneOnceItStruck() throws {
    let plan = try file("plan")
    let run = try FaultRun("@" + plan)
    for _ in 1...3 { try run.pass(claim) }
    _ = try file("plan", "any:2=EBUSY")
    try run.pass(claim)
    #expect(throws: FaultError.self) { try run.pass(claim) }
    #expect(!FileManager.default.fileExists(atPath: plan))
    for _ in 1...3 { try run.pass(claim) }
    _ = try file("plan", "any=EBUSY")
    #expect(throws: FaultError.self) { try run.pass(claim) }
  }

  @Test func repeatedFaultLastsUntilItsFileGoes() throws {
    let plan = try file("plan", "any:2+=ENOSPC")
    let run = try FaultRun("@" + plan)
    try run.pass(claim)
    for _ in 1...3 { #expect(throws: FaultError.self) { try run.pass(read) } }
    try FileManager.default.removeItem(atPath: plan)
    try run.pass(read)
  }

  @Test func fileWithoutAPlanDoesNothing() throws {
    let run = try FaultRun("@" + file("plan", "nonsense"))
    try run.pass(claim)
  }

  @Test func traceHasEachPoint() throws {
    let trace = try file("trace")
    let run = try FaultRun("trace=\(trace)")
    try run.pass(claim)
    try run.pass(read)
    #expect(try String(contentsOfFile: trace, encoding: .utf8) == "1 networks.claim/after\n2 links.read/before\n")
  }
}
