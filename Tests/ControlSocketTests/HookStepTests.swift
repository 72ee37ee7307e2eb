import Testing

@testable import ControlSocket

struct HookStepTests {
  @Test func onlyEarlyStepsOfGuestsRefuse() {
    #expect(HookStep.allCases.filter(\.mayRefuse) == [.prepare, .start])
  }

  @Test(arguments: [
    (HookStep.prepare, 2000), (.start, 500), (.release, 500), (.portCreated, 500), (.portDeleted, 500), (.network, 200),
    (.migrate, 200),
  ])
  func deadlines(step: HookStep, milliseconds: Int) { #expect(step.defaultDeadline == milliseconds) }
}
