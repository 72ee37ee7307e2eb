import Testing

@testable import Commands

@Suite struct SubprocessTests {
  @Test func returnsWhatAProgramPrints() throws {
    #expect(try Subprocess(["printf", "%s|", "a b", "$HOME"]).output() == "a b|$HOME|")
  }

  @Test(arguments: [
    (["false"], "false failed (exit code 1)"), (["sh", "-c", "kill -9 $$"], "sh -c kill -9 $$ failed (signal 9)"),
    (["vfpool-no-such-program"], "can't run vfpool-no-such-program: no such file or directory"),
  ])
  func failuresSayHow(arguments: [String], text: String) {
    #expect { try Subprocess(arguments).output() } throws: { ($0 as? CommandError)?.text == text }
  }
}
