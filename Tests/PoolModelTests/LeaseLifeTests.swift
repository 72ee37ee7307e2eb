import PoolModel
import SeededRandom
import Testing

struct LeaseLifeTests {
  /// Every state and every event; what isn't here doesn't happen in that state.
  private static let table: [LeaseState: [LeaseEvent: LeaseStep]] = [
    .recorded: [
      .choiceLost: .open(.recorded), .picked: .open(.allocated), .metRunning: .open(.active),
      .released: .over(.startFailed), .startFailed: .over(.startFailed), .guestGone: .over(.startFailed),
      .poolRemoved: .over(.poolRemoved), .hostRebooted: .over(.hostRebooted),
    ],
    .allocated: [
      .started: .open(.active), .freed: .open(.freed), .evicted: .over(.evicted), .hostRebooted: .over(.hostRebooted),
    ],
    .active: [
      .changed: .open(.active), .freed: .open(.freed), .evicted: .over(.evicted), .hostRebooted: .over(.hostRebooted),
    ],
    .freed: [
      .released: .over(.guestStopped), .guestGone: .over(.guestGone), .poolRemoved: .over(.poolRemoved),
      .detached: .over(.detached), .hostRebooted: .over(.hostRebooted),
    ],
  ]

  @Test(arguments: LeaseState.allCases, LeaseEvent.allCases)
  func everyEventInEveryState(state: LeaseState, event: LeaseEvent) {
    #expect(state.after(event) == Self.table[state]?[event])
  }

  @Test(arguments: LeaseState.allCases, LeaseState.allCases)
  func whichStatesFollow(from: LeaseState, to: LeaseState) {
    #expect(from.leads(to: .open(to)) == (Self.table[from]?.values.contains(.open(to)) == true))
  }

  @Test func everyEndIsReachedAndTheHistoryKeepsItsWords() {
    let reached = Set(Self.table.values.flatMap(\.values))
    for end in LeaseEnd.allCases { #expect(reached.contains(.over(end)), "\(end)") }
    // Ledgers hold them.
    #expect(
      LeaseEnd.allCases.map(\.rawValue) == [
        "guest stopped", "start failed", "detached", "guest gone", "VF given to another guest", "pool removed",
        "host rebooted",
      ])
  }

  @Test(arguments: [
    (LeaseState.recorded, LeaseOutcome.failed), (.allocated, .closed), (.active, .closed), (.freed, .closed),
  ])
  func onlyAStartThatNeverGotItsVFHasFailed(state: LeaseState, outcome: LeaseOutcome) {
    let lease = Self.lease(state)
    #expect(ClosedLease(lease: lease, until: lease.since, reason: "").outcome == outcome)
  }

  private static let pick = LeasePick(
    port: "p", vf: PCIAddress(bus: 1, slot: 0x10, function: 0), vfIndex: VFIndex(pf: "enp1s0", index: 0),
    mac: MACAddress(value: 7), portgroup: nil)
  private static let settings = VFSettings(trust: true)

  private static func lease(_ state: LeaseState = .recorded) -> Lease {
    Lease(
      id: 7, pool: "a", guest: GuestID(name: "web", uuid: "u"), nic: 1, mac: .zero, vf: pick.vf, vfIndex: pick.vfIndex,
      state: state, portgroup: "finance", port: state == .recorded ? nil : "p", since: Timestamp(milliseconds: 5),
      bootID: "b")
  }

  @Test func aWholeLife() throws {
    var lease = try Self.lease().choiceLost()
    #expect(lease.vf == nil && lease.vfIndex == nil && lease.state == .recorded)
    lease = try lease.picked(Self.pick)
    #expect(lease.vf == Self.pick.vf && lease.vfIndex == Self.pick.vfIndex && lease.port == "p")
    #expect(lease.mac == Self.pick.mac && lease.portgroup == "finance" && lease.settings == nil)
    lease = try lease.started(settings: Self.settings)
    #expect(lease.settings == Self.settings)
    lease = try lease.changed(to: VFSettings(trust: false)).freed()
    #expect(lease.state == .freed && lease.vf == Self.pick.vf && lease.settings?.trust == false)
    let time = Timestamp(milliseconds: 9)
    #expect(try lease.ended(by: .released, at: time) == .closeLease(id: 7, until: time, end: .guestStopped))
  }

  @Test func whatCannotBeNamesLeaseStateAndEvent() throws {
    let error = try #require(throws: LeaseError.self) { try Self.lease(.freed).started(settings: nil) }
    #expect(error.description.hasPrefix("lease 7 of guest web is freed and can't be started"))
    #expect(throws: LeaseError.self) { try Self.lease(.active).ended(by: .released, at: Timestamp(milliseconds: 0)) }
    // An event that leaves it open is no end.
    #expect(throws: LeaseError.self) { try Self.lease(.active).ended(by: .freed, at: Timestamp(milliseconds: 0)) }
  }

  /// What `event` makes of a lease; nil when it is over.
  private func after(_ event: LeaseEvent, _ lease: Lease) throws -> Lease? {
    switch event {
    case .choiceLost: return try lease.choiceLost()
    case .picked: return try lease.picked(Self.pick)
    case .metRunning: return try lease.metRunning(Self.pick, settings: nil)
    case .started: return try lease.started(settings: Self.settings)
    case .changed: return try lease.changed(to: Self.settings)
    case .freed: return try lease.freed()
    case .released, .startFailed, .detached, .guestGone, .evicted, .poolRemoved, .hostRebooted:
      let change = try lease.ended(by: event, at: lease.since)
      guard case .closeLease(lease.id, _, let end) = change else {
        Issue.record("\(change) closes no lease")
        return nil
      }
      #expect(lease.contradiction(to: end) == nil)
      return nil
    }
  }

  @Test(arguments: 0..<200) func noSequenceOfEventsLeadsAstray(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var lease = Lease(
      id: 7, pool: "a", guest: GuestID(name: "web", uuid: "u"), nic: 0, mac: .zero, vf: nil, vfIndex: nil,
      since: Timestamp(milliseconds: 5), bootID: "b")
    var past: [LeaseState] = [lease.state]
    for _ in 0..<40 {
      let event = LeaseEvent.allCases.randomElement(using: &random) ?? .freed
      let next: Lease?
      do { next = try after(event, lease) } catch {
        #expect(lease.state.after(event) == nil)
        continue
      }
      guard let next else {
        let neverHadIt = past.allSatisfy { $0 == .recorded }
        #expect(ClosedLease(lease: lease, until: lease.since, reason: "").outcome == (neverHadIt ? .failed : .closed))
        return
      }
      #expect(next.contradiction(after: lease.state) == nil)
      if next.state.hasPort || next.state == .freed { #expect(next.vf != nil && next.port != nil) }
      if next.state == .recorded { #expect(next.port == nil) }
      if next.state == .freed { #expect(past.contains(.allocated) || past.contains(.active)) }
      #expect(past.firstIndex(of: next.state).map { past[$0...].allSatisfy { $0 == next.state } } ?? true)
      past.append(next.state)
      lease = next
    }
  }

  @Test(arguments: [LeaseState.allocated, .active]) func aLeaseWithAPortHasAllOfIt(state: LeaseState) {
    let guest = GuestID(name: "web", uuid: "u")
    for (vf, port) in [(Self.pick.vf, nil), (nil, "p")] as [(PCIAddress?, String?)] {
      let lease = Lease(
        id: 7, pool: "a", guest: guest, nic: 0, mac: .zero, vf: vf, vfIndex: nil, state: state, port: port,
        since: Timestamp(milliseconds: 5), bootID: "b")
      #expect(lease.contradiction(after: .allocated)?.contains("lease 7 is \(state.rawValue) without") == true)
    }
    #expect(Self.lease(state).contradiction(after: nil) == nil)
  }

  @Test func newLeasesDontBeginFreed() {
    #expect(Self.lease(.freed).contradiction(after: nil) == "lease 7 can't begin as freed")
    #expect(Self.lease(.allocated).contradiction(after: .active) == "lease 7 can't go from active to allocated")
  }
}
