import PoolModel
import Synchronization

/// Grows by a second a look; UUIDs differ over all managers of a run.
public final class FakeClock: Sendable {
  private let seconds = Mutex<Int64>(1_790_000_000)
  private static let made = Mutex(0)

  public init() {}

  public func tick() -> Timestamp {
    seconds.withLock {
      $0 += 1
      return Timestamp(milliseconds: $0 * 1000)
    }
  }

  public func uuid() -> String {
    Self.made.withLock {
      $0 += 1
      return FakeLibvirt.uuid(500_000_000 + $0)
    }
  }
}
