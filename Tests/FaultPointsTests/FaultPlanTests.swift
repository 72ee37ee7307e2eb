import Testing

@testable import FaultPoints

struct FaultPlanTests {
  @Test func rulesAreReadAsWritten() throws {
    let plan = try FaultPlan("networks.claim/after:3=kill, links.write/before=EBUSY\nany:17+=disconnected trace=/run/t")
    #expect(
      plan.rules == [
        .init(point: FaultPoint(.networksClaim, .after), hit: 3, fault: .kill),
        .init(point: FaultPoint(.linksWrite, .before), fault: .error(.EBUSY)),
        .init(point: nil, hit: 17, repeats: true, fault: .error(.disconnected)),
      ])
    #expect(plan.trace == "/run/t")
    #expect(try FaultPlan(" ") == FaultPlan())
  }

  @Test(arguments: [
    ("kill", "it is none of"), ("networks.claim=kill", "there is no point networks.claim"),
    ("any:0=kill", "0 is no number"), ("any:x+=kill", "x is no number"), ("any:=kill", " is no number"),
    ("any=EIO", "there is no fault EIO; there are kill, EBUSY"),
  ])
  func mistakesAreNamed(_ text: String, _ reason: String) {
    let problem = #expect(throws: FaultPlan.Problem.self) { try FaultPlan(text) }
    #expect(problem?.description.contains(reason) == true, "\(problem?.description ?? "")")
    #expect(problem?.rule == text)
  }

  @Test func everyPointIsReadBack() {
    for call in FaultPoint.Call.allCases {
      for moment in FaultPoint.Moment.allCases {
        let point = FaultPoint(call, moment)
        #expect(FaultPoint(point.description) == point)
        #expect(call.rawValue.hasPrefix("\(call.neighbour.rawValue)."))
      }
    }
  }

  @Test func hitsAreCountedByPointAndAltogether() throws {
    let claim = FaultPoint(.networksClaim, .after)
    let drop = FaultPoint(.networksDrop, .before)
    var counter = FaultCounter(try FaultPlan("networks.claim/after:2=EPERM,any:4+=kill"))
    #expect(counter.pass(claim) == nil)
    #expect(counter.pass(drop) == nil)
    #expect(counter.pass(claim)?.fault == .error(.EPERM))
    #expect(counter.pass(drop)?.fault == .kill)
    #expect(counter.pass(claim)?.fault == .kill)
    #expect(counter.total == 5)
  }
}
