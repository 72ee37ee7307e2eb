import PoolModel
import Testing

struct LedgerContentsTests {
  private static let vf = PCIAddress(bus: 1, slot: 0x10, function: 0)
  private static let time = Timestamp(milliseconds: 5)
  private static let guest = GuestID(name: "web", uuid: "u")

  private func lease(_ id: Int64, state: LeaseState = .recorded) -> Lease {
    Lease(
      id: id, pool: "a", guest: Self.guest, nic: 0, mac: .zero, vf: Self.vf, vfIndex: nil, state: state,
      since: Self.time, bootID: "b")
  }

  private func contents(_ changes: LedgerChange...) -> LedgerContents {
    changes.reduce(into: LedgerContents()) { $0.apply($1) }
  }

  @Test func pools() {
    let contents = contents(
      .savePool(Pool(name: "a"), netdef: "1"), .savePool(Pool(name: "b"), netdef: "2"),
      .savePool(Pool(name: "a", vlan: VLANTag(id: 3)), netdef: "3"), .removePool("b"), .removePool("c"))
    #expect(contents.pools == ["a": Pool(name: "a", vlan: VLANTag(id: 3))])
    #expect(contents.netdefs == ["a": "3"])
  }

  @Test func leases() {
    let contents = contents(
      .openLease(lease(1)), .openLease(lease(9)), .openLease(lease(4)), .updateLease(lease(1, state: .active)),
      .closeLease(id: 9, until: Self.time, end: .startFailed))
    #expect(contents.leases == [1: lease(1, state: .active), 4: lease(4)])
    #expect(contents.nextLeaseID == 10)
  }

  /// What is looked up against what a walk through all leases finds, after random changes.
  @Test(arguments: 0..<20)
  func lookUpsAreWhatAWalkFinds(_ seed: Int) throws {
    // Small numbers, so that leases meet on guests, pools and VFs.
    var state = UInt64(seed + 1)
    let random = { (bound: Int64) -> Int64 in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int64(state >> 33) % bound
    }
    var contents = LedgerContents()
    for _ in 0..<200 {
      let vf = random(3) == 0 ? nil : PCIAddress(bus: 1, slot: UInt8(random(4)), function: 0)
      let lease = Lease(
        id: random(12), pool: "p\(random(2))", guest: GuestID(name: "g", uuid: "g\(random(3))"), nic: 0,
        mac: MACAddress(value: UInt64(random(3))),
        vf: vf, vfIndex: nil, state: LeaseState.allCases[Int(random(4))], since: Self.time, bootID: "b")
      if contents.leases[lease.id] == nil {
        contents.apply(.openLease(lease))
      } else if random(2) == 0 {
        contents.apply(.updateLease(lease))
      } else {
        contents.apply(.closeLease(id: lease.id, until: Self.time, end: .startFailed))
      }
      let all = contents.leases.values.sorted { $0.id < $1.id }
      for slot in 0..<4 {
        let vf = PCIAddress(bus: 1, slot: UInt8(slot), function: 0)
        let holders = all.filter { $0.vf == vf && $0.state.holdsVF }
        #expect(contents.lease(holding: vf) == (holders.last { $0.state != .recorded } ?? holders.last), "seed \(seed)")
        #expect(contents.isLeased(vf) == !holders.isEmpty)
      }
      for guest in ["g0", "g1", "g2"] {
        #expect(contents.leases(of: guest) == all.filter { $0.guest.uuid == guest })
        let unplaced = all.filter { $0.pool == "p0" && $0.vf == nil && $0.state.holdsVF && $0.guest.uuid != guest }
        #expect(contents.unplacedStarts(in: "p0", besides: guest) == unplaced.count)
      }
      for mac in (0..<3).map({ MACAddress(value: $0) }) {
        let mine = all.filter { $0.mac == mac && $0.state.holdsVF }
        #expect(contents.leases(withMAC: mac) == mine, "seed \(seed)")
        #expect(contents.sharedMACs.contains(mac) == (mine.count > 1))
      }
      let copy = all.reduce(into: LedgerContents()) { $0.apply(.openLease($1)) }
      #expect(copy.leases == contents.leases)
    }
  }

  @Test func baselines() {
    let newer = Baseline(vf: Self.vf, state: VFState(mac: .zero, trust: true), taken: Self.time)
    let contents = contents(
      .saveBaseline(Baseline(vf: Self.vf, state: VFState(mac: .zero), taken: Self.time)), .saveBaseline(newer))
    #expect(contents.baselines == [Self.vf: newer])
    #expect(self.contents(.saveBaseline(newer), .forgetBaseline(Self.vf)).baselines.isEmpty)
  }

  @Test func holds() {
    let hold = Hold(port: "p", pool: "a", vf: Self.vf, guest: nil)
    #expect(contents(.addHold(hold)).holds == ["p": hold])
    #expect(contents(.addHold(hold), .dropHold(port: "q"), .dropHold(port: "p")).holds.isEmpty)
  }

  @Test func bindings() {
    let old = MACBinding(guest: Self.guest, pool: "a", nic: 0, mac: .zero, lastVF: nil, lastSeen: Self.time)
    var new = old
    new.guest.name = "renamed"
    new.mac = MACAddress(value: 1)
    var second = old
    second.nic = 1
    let bindings = contents(.bind(old), .bind(second), .bind(new)).bindings
    #expect(
      bindings == [
        .init(guestUUID: "u", pool: "a", nic: 0): new, .init(guestUUID: "u", pool: "a", nic: 1): second,
      ])
  }

  @Test func aBindingByNameGivesWayToTheGuestsOwn() {
    let named = MACBinding(guest: BoundGuest(name: Self.guest.name, uuid: nil), pool: "a", nic: 0, mac: .zero)
    var second = named
    second.nic = 1
    let own = MACBinding(guest: Self.guest, pool: "a", nic: 0, mac: .zero, lastVF: nil, lastSeen: nil)
    let other = MACBinding(
      guest: BoundGuest(name: "other", uuid: "o"), pool: "a", nic: 0, mac: .zero, lastVF: nil, lastSeen: nil)
    #expect(contents(.bind(named), .bind(second), .bind(own)).bindings == [own.key: own, second.key: second])
    #expect(contents(.bind(named), .bind(other)).bindings == [named.key: named, other.key: other])
    #expect(contents(.bind(own), .bind(named), .unbind(named.key)).bindings == [own.key: own])
    #expect(contents(.bind(own), .unbind(own.key), .unbind(own.key)).bindings.isEmpty)
  }

  @Test func quarantines() {
    let old = Quarantine(vf: Self.vf, why: "a", since: Self.time)
    let new = Quarantine(vf: Self.vf, why: "b", since: Self.time, port: "p")
    #expect(contents(.quarantine(old), .quarantine(new)).quarantines == [Self.vf: new])
    #expect(contents(.quarantine(old), .unquarantine(Self.vf)).quarantines.isEmpty)
  }

  @Test(arguments: [(LeaseState.recorded, true), (.allocated, true), (.active, true), (.freed, false)])
  func whichLeasesHoldTheirVF(state: LeaseState, holds: Bool) { #expect(state.holdsVF == holds) }
}
