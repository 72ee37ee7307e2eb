import Logging
import Synchronization

/// Tells the journal of refusals, of each kind once a minute at most: nobody fills it by being refused.
final class RefusalLog: Sendable {
  private struct Told {
    var at: ContinuousClock.Instant
    var since = 0
  }

  private static let pause = Duration.seconds(60)
  /// Kinds that are kept apart.
  private static let most = 1000

  private let log: Logger
  private let told = Mutex<[String: Told]>([:])

  init(log: Logger) { self.log = log }

  func note(_ kind: String, _ text: @autoclosure () -> String) {
    let untold = told.withLock { told -> Int? in
      let now = ContinuousClock.now
      if let last = told[kind], last.at + Self.pause > now {
        told[kind]?.since += 1
        return nil
      }
      let untold = told[kind]?.since ?? 0
      if told.count >= Self.most { told = told.filter { $0.value.at + Self.pause > now } }
      if told.count < Self.most { told[kind] = Told(at: now) }
      return untold
    }
    guard let untold else { return }
    log.warning("\(text())\(untold > 0 ? ", and \(untold) times more before that" : "")")
  }
}
