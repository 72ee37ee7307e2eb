import Testing

@testable import HostConfig

@Suite struct YAMLReaderTests {
  private func read(_ text: String) throws(YAMLProblem) -> YAMLNode {
    try YAMLReader.read(text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
  }

  /// As a line of text.
  private func line(_ node: YAMLNode) -> String {
    switch node {
    case .scalar(let text): text
    case .mapping(let pairs): "{" + pairs.map { "\($0.key): \(line($0.value))" }.joined(separator: ", ") + "}"
    case .sequence(let nodes): "[" + nodes.map(line).joined(separator: ", ") + "]"
    }
  }

  @Test(
    arguments: [
      ("", ""), ("# a", ""), ("a: 1", "{a: 1}"), ("%YAML 1.2\n---\na: 1\n...\nb: 2", "{a: 1}"),
      ("---\na: 1\n---\nb: 2", "{a: 1}"),
      ("a:\n  b:\n    c: 1\n  d: 2\ne: 3", "{a: {b: {c: 1}, d: 2}, e: 3}"),
      ("a:\nb:", "{a: , b: }"), ("a: # none\n  b: 1 # one\n# two\n  c: x#y", "{a: {b: 1, c: x#y}}"),
      ("a:\n- 1\n- 2\nb: 3", "{a: [1, 2], b: 3}"), ("a:\n  - 1\n  -\n    b: 2", "{a: [1, {b: 2}]}"),
      ("- a: 1\n  b: 2\n- c", "[{a: 1, b: 2}, c]"), ("- - 1\n  - 2\n- 3", "[[1, 2], 3]"),
      ("a: {b: 1, c: [x, \"y, z\"], d: {}}", "{a: {b: 1, c: [x, y, z], d: {}}}"),
      ("a: {b: 1,\n  c: 2\n}\nd: 3", "{a: {b: 1, c: 2}, d: 3}"), ("a: [\n  1,\n  2, # two\n  ]", "{a: [1, 2]}"),
      ("a: 52:54:00:aa:00:01", "{a: 52:54:00:aa:00:01}"), ("a: {m: 52:54:00:aa:00:01}", "{a: {m: 52:54:00:aa:00:01}}"),
      ("\"a b\": 'c # d'", "{a b: c # d}"), ("a: \"x\\\" # y\"\nb: it's # z", "{a: x\\\" # y, b: it's}"),
      ("a: !!int 4\nb: &x\n  c: 1", "{a: 4, b: {c: 1}}"),
      ("a: |\n  text: no\n   more\nb: >-\n\n  x\nc: 1", "{a: |, b: >-, c: 1}"),
      ("a: one\n  two\nb: \"one\n  two\"", "{a: one two, b: one two}"), ("a: {b, c: }", "{a: {b: , c: }}"),
    ])
  func whatIsRead(text: String, node: String) throws {
    #expect(line(try read(text)) == node)
  }

  @Test(
    arguments: [
      ("a: 1\n  b: 2", 2), ("a:\n\tb: 1", 2), ("a: *b", 1), ("<<: *b", 1), ("a: {b: 1", 1), ("a: [1\nb: 2", 1),
      ("a: {b: 1} c", 1), ("a: [{]", 1), ("a:\n    b: 1\n  c: 2", 3), ("a: 1\nb", 2), ("a: \"b", 1), ("? a\n: b", 2),
      ("a: {[b]: 1}", 1), ("  a: 1\nb: 2", 2), ("a:\n  - 1\n  b: 2", 3),
    ])
  func whatIsNot(text: String, at number: Int) {
    let problem = #expect(throws: YAMLProblem.self) { try read(text) }
    #expect(problem?.line == number)
  }

  @Test(arguments: ["[", "{a: ", "- ", "a: [", "{[", "[{"])
  func deepNestingEnds(part: String) {
    #expect(throws: YAMLProblem.self) { try read(String(repeating: part, count: 100_000)) }
    var lines: [String] = []
    for depth in 0..<1000 { lines.append(String(repeating: " ", count: depth) + "a:") }
    #expect(throws: YAMLProblem.self) { try YAMLReader.read(lines) }
  }

  /// Any cut and any broken byte of a file comes to an end.
  @Test func brokenOnes() {
    let text = Array("a: {b: [1, \"x\"], c: 'y'}\nd:\n  - e: 1\n    f: |\n      g\n  - 2 # h\nmatch: {m: 1:2}\n")
    for place in text.indices {
      _ = try? read(String(text[..<place]))
      for character in "{}[]:-\"'\t\n#*&!|, " {
        var broken = text
        broken[place] = character
        _ = try? read(String(broken))
      }
    }
  }
}
