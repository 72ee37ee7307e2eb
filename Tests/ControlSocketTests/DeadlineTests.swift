import Glibc
import Testing

@testable import ControlSocket

struct DeadlineTests {
  @Test func withoutOneNothingRunsOut() {
    let deadline = Deadline(milliseconds: nil)
    #expect(deadline.remainingMilliseconds == nil)
    #expect(!deadline.hasPassed)
    #expect(deadline.pollTimeout == -1)
  }

  @Test(arguments: [0, -1, Int.min]) func alreadyPassed(milliseconds: Int) {
    #expect(Deadline(milliseconds: milliseconds).hasPassed)
  }

  @Test func runsDown() throws {
    let deadline = Deadline(milliseconds: 30)
    let before = try #require(deadline.remainingMilliseconds)
    #expect((1...30).contains(before))
    usleep(35_000)
    #expect(deadline.hasPassed)
  }

  @Test func hugeOnesDoNotOverflow() throws {
    let left = try #require(Deadline(milliseconds: .max).remainingMilliseconds)
    #expect(left > 86_000_000)
  }
}
