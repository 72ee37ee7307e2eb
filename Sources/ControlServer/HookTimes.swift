import Synchronization

/// How long libvirt waited for each step of its hooks, since vfpoold started.
public final class HookTimes: Sendable {
  /// Upper bounds in seconds: a plain start's steps take milliseconds, the longest deadline is seconds.
  static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

  struct Step: Hashable {
    /// How many took no longer than each bound, and longer than the one before.
    var counts = Array(repeating: 0, count: HookTimes.bounds.count)
    var count = 0
    var seconds = 0.0
    /// How many libvirt no longer waited for.
    var late = 0
  }

  private let steps = Mutex<[String: Step]>([:])

  public init() {}

  func note(_ step: String, took duration: Duration) {
    let seconds = duration / .seconds(1)
    steps.withLock { steps in
      steps[step, default: Step()].count += 1
      steps[step]?.seconds += seconds
      if let place = Self.bounds.firstIndex(where: { seconds <= $0 }) { steps[step]?.counts[place] += 1 }
    }
  }

  func noteLate(_ step: String) { steps.withLock { $0[step, default: Step()].late += 1 } }

  func now() -> [String: Step] { steps.withLock { $0 } }
}
