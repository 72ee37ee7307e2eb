import ArgumentParser

/// `--disrupt`
struct DisruptOption: ParsableArguments {
  @Option(
    name: .customLong("disrupt"),
    help: .init("A running guest whose network may be disturbed; can be given several times.", valueName: "guest"))
  var guests: [String] = []
}
