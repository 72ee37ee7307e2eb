import PoolModel
import Synchronization

/// Grows with each look; UUIDs differ over all managers of a run.
public final class FakeClock: Sendable {
  private let milliseconds = Mutex<Int64>(1_790_000_000_000)
  private let step: Int64
  private static let made = Mutex(0)

  /// `step`: milliseconds a look.
  public init(step: Int64 = 1000) { self.step = step }

  public func tick() -> Timestamp {
    milliseconds.withLock {
      $0 += step
      return Timestamp(milliseconds: $0)
    }
  }

  public func advance(seconds: Int64) { milliseconds.withLock { $0 += seconds * 1000 } }

  public func uuid() -> String {
    Self.made.withLock {
      $0 += 1
      return FakeLibvirt.uuid(500_000_000 + $0)
    }
  }
}
