/// Text that is run.
extension ConfigReader {
  /// The writes in the statements of a file.
  func writes(in file: TextFile, _ pf: PFIdentity, kind: VFCountWriter.Kind = .script) -> [VFCountWriter] {
    guard file.mentions("sriov_numvfs") else { return [] }
    return file.statements().compactMap { statement in
      CountCommand.find(in: statement.text, pf).map {
        VFCountWriter(kind: kind, path: file.path, line: statement.line, count: $0.count, text: statement.text)
      }
    }
  }

  /// The writes in the scripts that a command line names by their whole path. Scripts that these run are not looked
  /// into.
  mutating func scripts(in command: String, _ pf: PFIdentity) -> [VFCountWriter] {
    let known = problems
    // A program that is too long for a script is no problem.
    defer { problems = known }
    var writers: [VFCountWriter] = []
    for word in command.split(whereSeparator: { $0.isWhitespace || "\"';|&()<>`=".contains($0) }) {
      // A unit's command may have marks in front of it: -/usr/bin/x
      let path = word.drop { "@-:+!".contains($0) }
      guard path.hasPrefix("/"), !["/sys/", "/proc/", "/dev/"].contains(where: { path.hasPrefix($0) }),
        let file = file(String(path))
      else { continue }
      writers += writes(in: file, pf)
    }
    return writers
  }
}
