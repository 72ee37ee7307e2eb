import FaultPoints
import Synchronization

/// One run of vfpoold, from its start to its death.
final class Life: Sendable {
  struct Over: Error {}

  private struct State {
    var isOver = false
    var atEnd: [@Sendable () -> Void] = []
  }

  private let state = Mutex(State())
  private let trigger: Trigger

  init(_ trigger: Trigger) { self.trigger = trigger }

  var isOver: Bool { state.withLock(\.isOver) }

  /// A dead vfpoold does nothing: each of its calls fails before it has an effect.
  func pass(_ point: FaultPoint) throws {
    if isOver { throw Over() }
    guard try trigger.pass(point) else { return }
    end()
    throw Over()
  }

  func end() {
    let todo = state.withLock { state -> [@Sendable () -> Void] in
      state.isOver = true
      defer { state.atEnd = [] }
      return state.atEnd
    }
    for action in todo { action() }
  }

  /// Calls `action` once, at the end or now when it has come.
  func atEnd(_ action: @escaping @Sendable () -> Void) {
    let isOver = state.withLock { state in
      if !state.isOver { state.atEnd.append(action) }
      return state.isOver
    }
    if isOver { action() }
  }

  /// What `body` returns; nil when this life ends before that.
  func outcome<T: Sendable>(_ body: @escaping @Sendable () async -> T) async -> T? {
    let answer = await withCheckedContinuation { (continuation: CheckedContinuation<T?, Never>) in
      let once = Once(continuation)
      atEnd { once.resume(nil) }
      Task { once.resume(await body()) }
    }
    return isOver ? nil : answer
  }
}

private final class Once<T: Sendable>: Sendable {
  private let continuation: Mutex<CheckedContinuation<T?, Never>?>
  init(_ continuation: CheckedContinuation<T?, Never>) { self.continuation = Mutex(continuation) }

  func resume(_ value: T?) {
    let waiting = continuation.withLock { continuation in
      defer { continuation = nil }
      return continuation
    }
    waiting?.resume(returning: value)
  }
}
