import ArgumentParser

/// `--plan` and `--if-plan`
struct PlanOptions: ParsableArguments {
  @Flag(name: .customLong("plan"), help: "Only say what would be done; exit code 3 when there is something to do.")
  var isOn = false

  @Option(help: .init("Do it only if nothing has moved since --plan printed this token.", valueName: "token"))
  var ifPlan: String?

  func validate() throws {
    if isOn, ifPlan != nil {
      throw ValidationError("--plan only looks and --if-plan acts: give one of them")
    }
  }
}
