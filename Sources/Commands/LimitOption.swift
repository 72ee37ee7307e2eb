import ArgumentParser

/// `--limit`
struct LimitOption: ParsableArguments {
  @Option(name: .customLong("limit"), help: .init("At most so many.", valueName: "N")) var count = 1000

  func validate() throws {
    if count < 1 { throw ValidationError("--limit is at least 1, not \(count)") }
  }
}
