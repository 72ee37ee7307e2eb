import PoolModel
import Testing

@testable import LedgerStore

struct AuditTests {
  private func entry(_ uid: UInt32?, _ user: String?, _ time: Int64, _ object: String = "pool=p") -> AuditEntry {
    AuditEntry(
      time: Timestamp(milliseconds: time), uid: uid, user: user, pid: uid.map { Int32($0) + 1 },
      operation: "POST /v1/pools/stop", object: object, body: uid == 7 ? "<network/>" : nil)
  }

  @Test func whatWasAskedStaysWithItsOutcomeAlsoWhenTheLedgerIsOpenedAnew() async throws {
    let folder = try TemporaryFolder()
    let store = try LedgerStore(path: folder.ledger)
    let first = try await store.begin(entry(0, "root", 1000))
    let second = try await store.begin(entry(7, nil, 2000))
    let third = try await store.begin(entry(nil, nil, 2000))
    try await store.end(audit: first, outcome: "done", at: Timestamp(milliseconds: 1500))
    let again = try LedgerStore(path: folder.ledger)
    var wanted = entry(0, "root", 1000)
    (wanted.id, wanted.outcome, wanted.until) = (first, "done", Timestamp(milliseconds: 1500))
    let all = try await again.audits(AuditFilter())
    #expect(all.map(\.id) == [third, second, first])
    #expect(all.last == wanted)
    #expect(all[1].body == "<network/>" && all[1].outcome == nil)
    #expect(try await again.audits(AuditFilter(since: Timestamp(milliseconds: 1001))).map(\.id) == [third, second])
    #expect(try await again.audits(AuditFilter(user: "root")).map(\.id) == [first])
    #expect(try await again.audits(AuditFilter(user: "7")).map(\.id) == [second])
    #expect(try await again.audits(AuditFilter(limit: 1)).map(\.id) == [third])
  }

  @Test func itIsPrunedAsTheHistoryIs() async throws {
    let folder = try TemporaryFolder()
    let store = try LedgerStore(path: folder.ledger)
    let day: Int64 = 86_400_000
    for age in [500, 300, 2, 1] as [Int64] {
      _ = try await store.begin(entry(0, "root", Sample.time.milliseconds - age * day, "\(age)"))
    }
    _ = try await store.prune(Retention(), now: Sample.time)
    #expect(try await store.audits(AuditFilter()).map(\.object) == ["1", "2", "300"])
    _ = try await store.prune(Retention(entries: 1), now: Sample.time)
    #expect(try await store.audits(AuditFilter()).map(\.object) == ["1"])
  }
}
