import ControlAPI
import Synchronization

/// Runs `body`; on a terminal, says on standard error that it still goes on once it has taken two seconds. `what` is asked
/// each second.
func withProgress<Result>(
  _ what: @escaping @Sendable @autoclosure () -> String, _ body: () throws(ControlClientError) -> Result
) throws(ControlClientError) -> Result {
  let console = Console.current
  guard console.showsProgress else { return try body() }
  let line = ProgressLine()
  let clock = Task.detached {
    var seconds = 2
    try await Task.sleep(for: .seconds(2))
    while line.show("still \(what()) … \(seconds) s", console) {
      try await Task.sleep(for: .seconds(1))
      seconds += 1
    }
  }
  defer {
    clock.cancel()
    line.end(console)
  }
  return try body()
}

/// A line that is written over and cleared at the end; nothing is written after that.
private final class ProgressLine: Sendable {
  private enum State { case hidden, shown, ended }
  private let state = Mutex(State.hidden)

  /// False when the end has come.
  func show(_ text: String, _ console: Console) -> Bool {
    state.withLock { state in
      guard state != .ended else { return false }
      console.complain("\r\(printable(text))\u{1b}[K")
      state = .shown
      return true
    }
  }

  func end(_ console: Console) {
    state.withLock { state in
      if state == .shown { console.complain("\r\u{1b}[K") }
      state = .ended
    }
  }
}
