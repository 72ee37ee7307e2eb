import PoolModel
import Testing

@testable import LedgerStore

struct HistoryFilterTests {
  private static let db = GuestID(name: "db", uuid: "db-uuid")

  /// Leases 1…5; 1…4 are over, 5 is open. Times in seconds.
  private func store(in folder: TemporaryFolder) async throws -> LedgerStore {
    let store = try LedgerStore(path: folder.ledger)
    let at = { (seconds: Int64) in Timestamp(milliseconds: seconds * 1000) }
    let rows: [(Int64, GuestID, UInt64, UInt8, String, Int64, Int64?)] = [
      (1, Sample.guest, 0xa, 1, "a", 100, 200), (2, Self.db, 0xb, 2, "a", 150, 400),
      (3, Sample.guest, 0xa, 2, "b", 200, 300), (4, Self.db, 0xb, 1, "b", 400, 400),
      (5, Self.db, 0xb, 1, "a", 500, nil),
    ]
    try await store.commit([.savePool(Pool(name: "a"), netdef: ""), .savePool(Pool(name: "b"), netdef: "")])
    for (id, guest, mac, vf, pool, since, until) in rows {
      let lease = Lease(
        id: id, pool: pool, guest: guest, nic: 0, mac: MACAddress(value: mac), vf: Sample.vf(vf),
        vfIndex: VFIndex(pf: "enp1s0", index: Int(vf)), state: .active, portgroup: "g", port: "port-\(id)",
        since: at(since), bootID: "boot")
      try await store.commit([.openLease(lease), .updateLease(lease.freed())])
      if let until { try await store.commit([.closeLease(id: id, until: at(until), end: .guestStopped)]) }
    }
    return store
  }

  @Test(arguments: [
    (HistoryFilter(), [4, 2, 3, 1]), (HistoryFilter(limit: 2), [4, 2]), (HistoryFilter(limit: 0), []),
    (HistoryFilter(limit: -1), []), (HistoryFilter(mac: MACAddress(value: 0xa)), [3, 1]),
    (HistoryFilter(mac: MACAddress(value: 0xc)), []), (HistoryFilter(guest: "db"), [4, 2]),
    (HistoryFilter(guest: "db-uuid"), [4, 2]), (HistoryFilter(guest: "d"), []), (HistoryFilter(guest: "%"), []),
    (HistoryFilter(vf: Sample.vf(2)), [2, 3]), (HistoryFilter(pool: "b"), [4, 3]),
    (HistoryFilter(guest: Sample.guest.uuid, vf: Sample.vf(2), pool: "b"), [3]),
    (HistoryFilter(guest: "db", pool: "a", limit: 1), [2]), (HistoryFilter(at: Timestamp(milliseconds: 99_999)), []),
    (HistoryFilter(at: Timestamp(milliseconds: 100_000)), [1]),
    (HistoryFilter(at: Timestamp(milliseconds: 199_999)), [2, 1]),
    (HistoryFilter(at: Timestamp(milliseconds: 200_000)), [2, 3]),
    (HistoryFilter(at: Timestamp(milliseconds: 399_999)), [2]),
    (HistoryFilter(at: Timestamp(milliseconds: 400_000)), []),
    (HistoryFilter(vf: Sample.vf(2), at: Timestamp(milliseconds: 250_000)), [2, 3]),
  ])
  func choosesAndOrders(filter: HistoryFilter, ids: [Int64]) async throws {
    let folder = try TemporaryFolder()
    let found = try await store(in: folder).history(filter)
    #expect(found.map(\.lease.id) == ids)
  }

  @Test func keepsTheWholeLease() async throws {
    let folder = try TemporaryFolder()
    let found = try await store(in: folder).history(HistoryFilter(limit: 1))
    #expect(
      found == [
        ClosedLease(
          lease: Lease(
            id: 4, pool: "b", guest: Self.db, nic: 0, mac: MACAddress(value: 0xb), vf: Sample.vf(1),
            vfIndex: VFIndex(pf: "enp1s0", index: 1), state: .freed, portgroup: "g", port: "port-4",
            since: Timestamp(milliseconds: 400_000), bootID: "boot"),
          until: Timestamp(milliseconds: 400_000), reason: "guest stopped")
      ])
  }
}
