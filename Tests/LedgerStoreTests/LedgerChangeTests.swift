import PoolModel
import Testing

@testable import LedgerStore

struct LedgerChangeTests {
  private let folder = try? TemporaryFolder()

  private func store() throws -> LedgerStore { try LedgerStore(path: try #require(folder).ledger) }

  /// What the store holds after `transactions`, the same after it was opened anew.
  private func contents(after transactions: [[LedgerChange]]) async throws -> LedgerContents {
    let store = try store()
    for changes in transactions { try await store.commit(changes) }
    let contents = try await store.load()
    #expect(try await self.store().load() == contents)
    return contents
  }

  private static let fullState = VFState(
    mac: Sample.mac, vlan: VLANTag(id: 4094, qos: 7, proto: .dot1ad), spoofchk: true, trust: false,
    linkState: .disable, minTxRate: 1, maxTxRate: .max)
  private static let binding = MACBinding(
    guest: Sample.guest, pool: "gone", nic: 2, mac: Sample.mac, lastVF: Sample.vf(3), lastSeen: Sample.time)
  private static let hold = Hold(port: "p", pool: "gone", vf: Sample.vf(1), guest: Sample.guest)
  private static let otherPool = Pool(name: "b'); DROP TABLE pool; --")
  private static let savePool = LedgerChange.savePool(Sample.pool, netdef: "<network/>\n")

  static let cases: [[LedgerChange]] = [
    [],
    [savePool],
    [savePool, .savePool(otherPool, netdef: "")],
    [savePool, .savePool(Pool(name: Sample.pool.name), netdef: "<network>ä</network>")],
    [savePool, .savePool(otherPool, netdef: ""), .removePool(Sample.pool.name)],
    [.removePool("never there")],
    [.saveBaseline(Baseline(vf: Sample.vf(0), state: fullState, taken: Sample.time))],
    [.saveBaseline(Baseline(vf: Sample.vf(0), state: VFState(mac: .zero), taken: Timestamp(milliseconds: -1)))],
    [
      .saveBaseline(Baseline(vf: Sample.vf(0), state: fullState, taken: Sample.time)),
      .saveBaseline(Baseline(vf: Sample.vf(0), state: VFState(mac: .zero, trust: true), taken: Sample.time)),
    ],
    [savePool, .openLease(Sample.lease(1)), .openLease(Sample.lease(7, vf: Sample.vf(2)))],
    // Two leases may be recorded for one VF, and a freed one may still name it.
    [
      savePool, .openLease(Sample.lease(1, vf: Sample.vf(2), state: .active)),
      .updateLease(Sample.lease(1, vf: Sample.vf(2), state: .freed)), .openLease(Sample.lease(2, vf: Sample.vf(2))),
      .openLease(Sample.lease(3, vf: Sample.vf(2))),
      .updateLease(Sample.lease(3, vf: Sample.vf(2), state: .active, port: "p")),
    ],
    // Adoption: libvirt gave each of two guests the VF that was chosen for the other.
    [
      savePool, .openLease(Sample.lease(1, vf: Sample.vf(1))), .openLease(Sample.lease(2, vf: Sample.vf(2))),
      .updateLease(Sample.lease(1, vf: Sample.vf(2), state: .allocated, port: "p1")),
      .updateLease(Sample.lease(2, vf: Sample.vf(1), state: .allocated, port: "p2")),
    ],
    [savePool, .openLease(Sample.lease(5)), .closeLease(id: 5, until: Sample.time, end: .startFailed)],
    [
      savePool, .openLease(Sample.lease(5)), .closeLease(id: 5, until: Sample.time, end: .startFailed),
      .removePool(Sample.pool.name),
    ],
    [.addHold(hold), .addHold(Hold(port: "q", pool: "gone", vf: Sample.vf(1), guest: nil))],
    [.addHold(hold), .addHold(Hold(port: "p", pool: "b", vf: Sample.vf(4), guest: nil))],
    [.addHold(hold), .dropHold(port: "p"), .dropHold(port: "never there")],
    [.bind(binding)],
    [
      .bind(binding),
      .bind(
        MACBinding(
          guest: GuestID(name: "renamed", uuid: Sample.guest.uuid), pool: "gone", nic: 2, mac: .zero, lastVF: nil,
          lastSeen: Timestamp(milliseconds: 0))),
      .bind(MACBinding(guest: Sample.guest, pool: "gone", nic: 3, mac: .zero, lastVF: nil, lastSeen: Sample.time)),
    ],
    [.bind(binding.named)],
    [.bind(binding), .bind(binding.named), .unbind(binding.key)],
    [.bind(binding.named), .bind(binding)],
    [.bind(binding), .unbind(binding.named.key), .unbind(LedgerContents.BindingKey(.name("'"), pool: "gone", nic: 2))],
    [.quarantine(Quarantine(vf: Sample.vf(0), why: "trust stayed on", since: Sample.time))],
    [
      .quarantine(Quarantine(vf: Sample.vf(0), why: "a", since: Sample.time)),
      .quarantine(Quarantine(vf: Sample.vf(0), why: "b\nc", since: Sample.time, port: "p", byAdmin: true)),
    ],
    [.quarantine(Quarantine(vf: Sample.vf(0), why: "a", since: Sample.time)), .unquarantine(Sample.vf(0))],
    [.unquarantine(Sample.vf(0))],
    [
      .saveBaseline(Baseline(vf: Sample.vf(0), state: VFState(mac: .zero), taken: Sample.time)),
      .saveBaseline(Baseline(vf: Sample.vf(1), state: VFState(mac: .zero), taken: Sample.time)),
      .forgetBaseline(Sample.vf(0)),
    ],
    [
      .keepCount(OwnVFCount(pci: Sample.vf(0), mac: nil, name: "enp1s0", count: 7)),
      .keepCount(OwnVFCount(pci: Sample.vf(1), mac: .zero, name: "enp2s0", count: 0)),
      .keepCount(OwnVFCount(pci: Sample.vf(0), mac: .zero, name: "wan", count: 3)),
    ],
    [.keepCount(OwnVFCount(pci: Sample.vf(0), mac: nil, name: "a", count: 1)), .forgetCount(Sample.vf(0))],
  ]

  @Test(arguments: cases.indices) func storesWhatTheModelSays(index: Int) async throws {
    let changes = Self.cases[index]
    let expected = changes.reduce(into: LedgerContents()) { $0.apply($1) }
    #expect(try await contents(after: [changes]) == expected)
  }

  @Test(arguments: cases.indices) func oneByOneToo(index: Int) async throws {
    let changes = Self.cases[index]
    let expected = changes.reduce(into: LedgerContents()) { $0.apply($1) }
    #expect(try await contents(after: changes.map { [$0] }) == expected)
  }

  @Test(arguments: LeaseState.allCases) func keepsEveryFieldOfALease(state: LeaseState) async throws {
    var lease = Sample.lease(
      9, vf: PCIAddress(domain: 0x10000, bus: 0xff, slot: 31, function: 7), state: state == .freed ? .active : state,
      port: "p")
    lease.portgroup = "finance"
    lease.nic = 3
    var changes = [LedgerChange.openLease(lease)]
    if state == .freed {
      lease = try lease.freed()
      changes.append(.updateLease(lease))
    }
    let contents = try await contents(after: [[Self.savePool], changes])
    #expect(contents.leases == [9: lease])
    #expect(contents.nextLeaseID == 10)
  }

  private static let held = [
    savePool, .openLease(Sample.lease(1, vf: Sample.vf(1), state: .allocated, port: "p1")),
    .openLease(Sample.lease(2)), .openLease(Sample.lease(3)),
    .closeLease(id: 3, until: Sample.time, end: .startFailed),
  ]

  /// Each contradicts `held`; what stands before it in its transaction must not stay either.
  static let contradictions: [LedgerChange] = [
    .openLease(Sample.lease(4, pool: "unknown")), .openLease(Sample.lease(1)), .openLease(Sample.lease(3)),
    .openLease(Sample.lease(0)), .openLease(Sample.lease(-1)),
    .openLease(Sample.lease(4, vf: Sample.vf(1), state: .active)),
    .updateLease(Sample.lease(2, vf: Sample.vf(1), state: .allocated)), .openLease(Sample.lease(4, port: "p1")),
    .updateLease(Sample.lease(2, pool: "unknown")), .updateLease(Sample.lease(4)), .updateLease(Sample.lease(3)),
    .closeLease(id: 4, until: Sample.time, end: .startFailed),
    .closeLease(id: 3, until: Sample.time, end: .startFailed),
    // What the state machine has no event for.
    .openLease(Sample.lease(4, vf: Sample.vf(4), state: .freed)), .openLease(Sample.lease(4, state: .allocated)),
    .updateLease(Sample.lease(1, vf: Sample.vf(1))),
    .updateLease(Sample.lease(1, vf: Sample.vf(1), state: .allocated, port: "p1")),
    .updateLease(Sample.lease(2, vf: Sample.vf(2), state: .freed)), .updateLease(Sample.lease(2, state: .active)),
    .closeLease(id: 1, until: Sample.time, end: .guestStopped),
    .closeLease(id: 2, until: Sample.time, end: .guestStopped), .closeLease(id: 2, until: Sample.time, end: .evicted),
    .removePool(Sample.pool.name),
    .saveBaseline(Baseline(vf: Sample.vf(0), state: VFState(mac: .zero, vlan: VLANTag(id: 4095)), taken: Sample.time)),
  ]

  @Test(arguments: contradictions.indices) func refusesContradictions(index: Int) async throws {
    let store = try store()
    try await store.commit(Self.held)
    let before = try await store.load()
    let error = try await #require(throws: LedgerError.self) {
      try await store.commit([.addHold(Self.hold), Self.contradictions[index], .bind(Self.binding)])
    }
    #expect(error.code == .refused)
    #expect(try await store.load() == before)
    #expect(try await store.history(HistoryFilter()).map(\.lease.id) == [3])
    try await store.commit([.addHold(Self.hold)])
    #expect(try await store.load().holds.count == 1)
  }

  @Test(arguments: [
    (LedgerChange.updateLease(Sample.lease(1, vf: Sample.vf(1))), "lease 1 can't go from allocated to recorded"),
    (
      .closeLease(id: 1, until: Sample.time, end: .guestStopped),
      "lease 1 is allocated and can't be closed as “guest stopped”"
    ),
    (.closeLease(id: 9, until: Sample.time, end: .guestStopped), "no lease 9 is open"),
  ])
  func saysWhatContradicts(change: LedgerChange, expected: String) async throws {
    let store = try store()
    try await store.commit(Self.held)
    let error = try await #require(throws: LedgerError.self) { try await store.commit([change]) }
    #expect(error.detail == expected)
  }

  @Test func leaseNumbersGrowForEver() async throws {
    let store = try store()
    try await store.commit([Self.savePool, .openLease(Sample.lease(41))])
    try await store.commit([.closeLease(id: 41, until: Sample.time, end: .startFailed)])
    #expect(try await store.load().nextLeaseID == 42)
    #expect(try await self.store().load().nextLeaseID == 42)
  }
}

extension MACBinding {
  /// The same while only the guest's name is known.
  fileprivate var named: MACBinding {
    MACBinding(guest: BoundGuest(name: guest.name, uuid: nil), pool: pool, nic: nic, mac: mac, isOwed: true)
  }
}
