import Foundation
import LedgerStore
import Logging
import PoolFlows
import PoolModel
import ServiceLifecycle
import Testing

@testable import Daemon

struct LedgerPruningTests {
  private static let now = Timestamp(milliseconds: 1_795_531_913_120)

  @Test func prunesAfterTheStartAndWhenTheHistoryHasGrown() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("vfpool-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let store = try LedgerStore(path: folder + "/ledger.sqlite")
    try await store.commit([.savePool(Pool(name: "a"), netdef: "")])
    try await close(1...3, in: store)
    let service = LedgerPruning(
      ledger: store, retention: Retention(months: 1, entries: 2), log: Logger(label: "test"), now: { Self.now },
      firstPause: .milliseconds(1))
    let group = ServiceGroup(services: [service], logger: Logger(label: "test"))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      try await becomes([2, 3], store)
      try await close(4...1100, in: store)
      try await becomes([1099, 1100], store)
      await group.triggerGracefulShutdown()
    }
  }

  private func close(_ ids: ClosedRange<Int64>, in store: LedgerStore) async throws {
    let changes = ids.flatMap { id -> [LedgerChange] in
      let lease = Lease(
        id: id, pool: "a", guest: GuestID(name: "g", uuid: "u"), nic: 0, mac: .zero, vf: nil, vfIndex: nil,
        since: Self.now, bootID: "b")
      return [.openLease(lease), .closeLease(id: id, until: Self.now, end: .startFailed)]
    }
    try await store.commit(changes)
  }

  private func becomes(_ ids: [Int64], _ store: LedgerStore) async throws {
    for _ in 0..<3000 {
      if try await store.history(HistoryFilter(limit: .max)).map(\.lease.id).sorted() == ids { return }
      try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("the history never became \(ids)")
  }
}
