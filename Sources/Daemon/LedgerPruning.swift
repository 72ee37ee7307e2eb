import LedgerStore
import Logging
import PoolModel
import ServiceLifecycle

/// Keeps the ledger's history within its bounds: soon after the start, every day, and when it has grown much.
struct LedgerPruning: Service {
  let ledger: LedgerStore
  let retention: Retention
  let log: Logger
  let now: @Sendable () -> Timestamp
  /// Guests that start with the host are served first.
  var firstPause = Duration.seconds(60)

  func run() async throws {
    let (wishes, wish) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        var pause = firstPause
        while (try? await Task.sleep(for: pause)) != nil {
          wish.yield()
          pause = .seconds(86_400)
        }
      }
      group.addTask { for await _ in ledger.historyGrew { wish.yield() } }
      group.addTask { for await _ in wishes { await prune() } }
      try? await gracefulShutdown()
      group.cancelAll()
    }
  }

  private func prune() async {
    do {
      let gone = try await ledger.prune(retention, now: now())
      if gone > 0 { log.info("forgot \(gone) leases that were over; see history-months and history-limit") }
    } catch {
      log.error("history could not be pruned: \(error)")
    }
  }
}
