import PoolModel
import SeededRandom
import Testing

@testable import LedgerStore

/// Long random lives: the store must always hold what `LedgerContents.apply` says.
struct LedgerRandomTests {
  /// A random change that `contents` allows.
  private func change(_ contents: LedgerContents, _ random: inout SplitMix64) -> LedgerChange {
    let time = Timestamp(milliseconds: Int64.random(in: 0...2_000_000_000_000, using: &random))
    let vf = Sample.vf(UInt8.random(in: 0..<14, using: &random))
    let mac = MACAddress(value: UInt64.random(in: 0...255, using: &random))
    let number = Int.random(in: 0..<6, using: &random)
    let guest = GuestID(name: "guest\(number)", uuid: "uuid-\(number % 5)")
    let pools = contents.pools.keys.sorted()
    let leases = contents.leases.keys.sorted()
    let name = "pool\(number)"
    switch Int.random(in: 0..<12, using: &random) {
    case 0: return .savePool(Pool(name: name, vlan: VLANTag(id: UInt16(number + 1))), netdef: "<n\(time)/>")
    case 1 where !contents.leases.values.contains { $0.pool == name }: return .removePool(name)
    case 2:
      let state = VFState(
        mac: mac, vlan: Bool.random(using: &random) ? VLANTag(id: 9, qos: UInt8(number)) : nil,
        trust: Bool.random(using: &random) ? nil : Bool.random(using: &random), maxTxRate: UInt32(number))
      return .saveBaseline(Baseline(vf: vf, state: state, taken: time))
    case 3, 4:
      guard let pool = pools.randomElement(using: &random) else { fallthrough }
      return .openLease(
        Lease(
          id: contents.nextLeaseID, pool: pool, guest: guest, nic: number, mac: mac, vf: vf, vfIndex: nil,
          state: .recorded, since: time, bootID: "boot"))
    case 5, 6, 7:
      guard let id = leases.randomElement(using: &random), let lease = contents.leases[id] else { fallthrough }
      let taken = contents.leases.values.contains { $0.id != id && $0.vf == vf && $0.state.hasPort }
      let pick = LeasePick(port: "port-\(id)", vf: vf, vfIndex: nil, mac: mac, portgroup: nil)
      let next: Lease? =
        switch lease.state {
        case .recorded where taken: try? lease.choiceLost()
        case .recorded where number == 0: try? lease.metRunning(pick, settings: VFSettings(trust: true))
        case .recorded: try? lease.picked(pick)
        case .allocated where number < 4: try? lease.started(settings: nil)
        case .active where number < 2: try? lease.changed(to: VFSettings(mac: mac))
        default: try? lease.freed()
        }
      guard let next else { fallthrough }
      return .updateLease(next)
    case 8:
      guard let lease = leases.randomElement(using: &random).flatMap({ contents.leases[$0] }) else { fallthrough }
      let events = LeaseEvent.allCases.shuffled(using: &random)
      guard let end = events.lazy.compactMap({ try? lease.ended(by: $0, at: time) }).first else { fallthrough }
      return end
    case 9:
      return Bool.random(using: &random)
        ? .addHold(Hold(port: "port\(number)", pool: name, vf: vf, guest: number < 3 ? guest : nil))
        : .dropHold(port: "port\(number)")
    case 10:
      let who = BoundGuest(name: guest.name, uuid: Bool.random(using: &random) ? guest.uuid : nil)
      let binding = MACBinding(
        guest: who, pool: name, nic: number % 2, mac: mac, lastVF: vf, lastSeen: number > 3 ? nil : time,
        isOwed: number == 1)
      return Int.random(in: 0..<4, using: &random) == 0 ? .unbind(binding.key) : .bind(binding)
    default:
      return Bool.random(using: &random)
        ? .quarantine(Quarantine(vf: vf, why: "why \(number)", since: time)) : .unquarantine(vf)
    }
  }

  @Test(arguments: 1...8) func followsTheModel(seed: UInt64) async throws {
    let folder = try TemporaryFolder()
    var random = SplitMix64(seed: seed)
    var model = LedgerContents()
    var closed = 0
    var store = try LedgerStore(path: folder.ledger)
    for round in 0..<120 {
      var next = model
      var changes: [LedgerChange] = []
      for _ in 0..<Int.random(in: 0...5, using: &random) {
        let change = change(next, &random)
        next.apply(change)
        changes.append(change)
      }
      if Int.random(in: 0..<6, using: &random) == 0 {
        changes.append(.openLease(Sample.lease(next.nextLeaseID, pool: "no such pool")))
        await #expect(throws: LedgerError.self) { try await store.commit(changes) }
      } else {
        try await store.commit(changes)
        model = next
        for case .closeLease in changes { closed += 1 }
      }
      if round % 20 == 19 {
        #expect(try await store.load() == model, "round \(round)")
        #expect(try await store.history(HistoryFilter(limit: .max)).count == closed)
        store = try LedgerStore(path: folder.ledger)
        #expect(try await store.load() == model, "round \(round), opened anew")
      }
    }
    #expect(closed > 0)
  }
}
