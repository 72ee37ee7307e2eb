import Glibc

/// A moment on the monotonic clock by which something has to be done.
public struct Deadline: Hashable, Sendable {
  /// CLOCK_MONOTONIC; nil = never.
  private let nanoseconds: Int64?

  /// So many milliseconds from now; nil = never.
  public init(milliseconds: Int?) {
    // An Int of milliseconds can overflow nanoseconds: a day is as good as never to a caller that waits.
    nanoseconds = milliseconds.map { Self.now + Int64(max(0, min($0, 86_400_000))) * 1_000_000 }
  }

  /// The moment itself, on CLOCK_MONOTONIC, which is the same for every process of a boot; never = the largest number.
  public var monotonicNanoseconds: Int64 { nanoseconds ?? .max }

  /// What is left, rounded up and never negative; nil = for ever.
  public var remainingMilliseconds: Int? {
    nanoseconds.map { max(0, Int(($0 - Self.now + 999_999) / 1_000_000)) }
  }

  public var hasPassed: Bool { remainingMilliseconds == 0 }

  /// What is left, as `poll` wants it: −1 = for ever.
  var pollTimeout: Int32 { remainingMilliseconds.map { Int32($0) } ?? -1 }

  private static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
