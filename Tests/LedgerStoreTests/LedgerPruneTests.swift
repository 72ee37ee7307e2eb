import Foundation
import GRDB
import PoolModel
import Testing

@testable import LedgerStore

struct LedgerPruneTests {
  private static let now = Sample.time
  private static let month: Int64 = 30 * 86_400_000

  /// A store whose history has a lease that ended at each of the times, ids from 1.
  private func store(in folder: TemporaryFolder, ends: [Timestamp]) async throws -> LedgerStore {
    let store = try LedgerStore(path: folder.ledger)
    try await store.commit([.savePool(Sample.pool, netdef: "")])
    try await close(ends, in: store, from: 1)
    return store
  }

  private func close(_ ends: [Timestamp], in store: LedgerStore, from first: Int64) async throws {
    try await store.commit(
      zip(first..., ends).flatMap { id, end in
        [.openLease(Sample.lease(id, vf: Sample.vf(3))), .closeLease(id: id, until: end, end: .startFailed)]
      })
  }

  private func ids(_ store: LedgerStore) async throws -> [Int64] {
    try await store.history(HistoryFilter(limit: .max)).map(\.lease.id).sorted()
  }

  private static func ago(_ months: Int64) -> Timestamp {
    Timestamp(milliseconds: now.milliseconds - months * month - 3 * 86_400_000)
  }

  /// Ends of leases 1…5, the limits, and what stays.
  @Test(arguments: [
    ([15, 14, 3, 2, 1], Retention(), [3, 4, 5]), ([1, 1, 1, 1, 1], Retention(), [1, 2, 3, 4, 5]),
    ([20, 20, 20, 20, 20], Retention(), []), ([1, 2, 15, 3, 14], Retention(), [1, 2, 4]),
    ([15, 14, 3, 2, 1], Retention(entries: 2), [4, 5]), ([1, 2, 3, 4, 5], Retention(entries: 2), [1, 2]),
    ([1, 1, 1, 1, 1], Retention(entries: 3), [3, 4, 5]), ([15, 14, 3, 2, 1], Retention(months: 2, entries: 4), [5]),
    ([3, 2, 1, 1, 1], Retention(months: 13, entries: 5), [1, 2, 3, 4, 5]),
    ([3, 2, 1, 1, 1], Retention(entries: 0), []),
  ])
  func keepsTheNewest(ends: [Int64], retention: Retention, left: [Int64]) async throws {
    let folder = try TemporaryFolder()
    let store = try await store(in: folder, ends: ends.map(Self.ago))
    for batch in [2, 1000] {
      let before = try await ids(store).count
      #expect(try await store.prune(retention, now: Self.now, batch: batch) == before - left.count)
      #expect(try await ids(store) == left)
    }
  }

  @Test func numbersOfForgottenLeasesAreNeverUsedAgain() async throws {
    let folder = try TemporaryFolder()
    let store = try await store(in: folder, ends: [Self.ago(20), Self.ago(20), Self.ago(20)])
    #expect(try await store.prune(Retention(), now: Self.now) == 3)
    for id in Int64(1)...3 {
      let error = try await #require(throws: LedgerError.self) {
        try await store.commit([.openLease(Sample.lease(id))])
      }
      #expect(error.code == .refused && error.detail.contains("used before"))
    }
    #expect(try await store.load().nextLeaseID == 4)
    #expect(try await LedgerStore(path: folder.ledger).load().nextLeaseID == 4)
    try await store.commit([.openLease(Sample.lease(4))])
  }

  @Test func openLeasesStay() async throws {
    let folder = try TemporaryFolder()
    let store = try await store(in: folder, ends: [Self.ago(20)])
    try await store.commit([.openLease(Sample.lease(2))])
    #expect(try await store.prune(Retention(months: 1, entries: 0), now: Self.now) == 1)
    #expect(try await store.load().leases.keys.sorted() == [2])
  }

  @Test func commitsGoOnBetweenTheBatches() async throws {
    let folder = try TemporaryFolder()
    let store = try await store(in: folder, ends: Array(repeating: Self.ago(20), count: 500))
    async let gone = store.prune(Retention(), now: Self.now, batch: 5)
    var waits = 0
    while try await !ids(store).isEmpty {
      try await store.commit([.quarantine(Quarantine(vf: Sample.vf(0), why: "\(waits)", since: Sample.time))])
      waits += 1
    }
    #expect(try await gone == 500)
    #expect(waits > 1)
  }

  @Test func aCancelledPruneLeavesTheRestForTheNext() async throws {
    let folder = try TemporaryFolder()
    let store = try await store(in: folder, ends: Array(repeating: Self.ago(20), count: 50))
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try? await store.prune(Retention(), now: Self.now, batch: 1)
    }
    _ = await task.value
    #expect(try await ids(store).count == 50)
    #expect(try await store.prune(Retention(), now: Self.now, batch: 1) == 50)
  }

  @Test func tellsWhenTheHistoryHasGrown() async throws {
    let folder = try TemporaryFolder()
    let count = LedgerStore.growthToTell
    let store = try await store(in: folder, ends: Array(repeating: Self.now, count: count - 1))
    // Failed ones don't count.
    try? await store.commit([.closeLease(id: 1, until: Self.now, end: .startFailed)])
    let told = Task { () -> Int in
      for await _ in store.historyGrew { return try await ids(store).count }
      return 0
    }
    try await close([Self.now], in: store, from: Int64(count))
    #expect(try await told.value == count)
  }

  @Test func theFileStaysAsLargeAsAtItsFullest() async throws {
    let folder = try TemporaryFolder()
    let store = try await store(in: folder, ends: [])
    var sizes: [Int] = []
    for round in Int64(0)..<20 {
      let ends = (0..<500).map { Timestamp(milliseconds: Self.now.milliseconds + round * 500 + $0) }
      try await close(ends, in: store, from: round * 500 + 1)
      _ = try await store.prune(Retention(entries: 300), now: Self.now)
      // What is still in the log isn't in the file yet.
      try await DatabaseQueue(path: folder.ledger).writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
      sizes.append(try size(of: folder.ledger))
    }
    #expect(try await ids(store).count == 300)
    #expect(try #require(sizes.max()) <= sizes[1] * 5 / 4, "\(sizes)")
  }

  private func size(of path: String) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
  }

  @Test func bothLimitsAreFoundInAnIndex() async throws {
    let folder = try TemporaryFolder()
    _ = try await store(in: folder, ends: [])
    let plans = try await DatabaseQueue(path: folder.ledger).read { database in
      try [
        "SELECT until, id FROM history WHERE until < 1 ORDER BY until DESC, id DESC LIMIT 1",
        "SELECT until, id FROM history ORDER BY until DESC, id DESC LIMIT 1 OFFSET 10",
        "SELECT id FROM history WHERE (until, id) <= (1, 1) ORDER BY until, id LIMIT 10",
      ].flatMap { try Row.fetchAll(database, sql: "EXPLAIN QUERY PLAN \($0)").compactMap { $0["detail"] as String? } }
    }
    #expect(plans.count == 3)
    for plan in plans { #expect(plan.contains("USING COVERING INDEX historyByEnd"), "\(plan)") }
  }
}
