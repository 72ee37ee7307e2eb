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
      .closeLease(id: 9, until: Self.time, reason: ""))
    #expect(contents.leases == [1: lease(1, state: .active), 4: lease(4)])
    #expect(contents.nextLeaseID == 10)
  }

  @Test func baselines() {
    let newer = Baseline(vf: Self.vf, state: VFState(mac: .zero, trust: true), taken: Self.time)
    let contents = contents(
      .saveBaseline(Baseline(vf: Self.vf, state: VFState(mac: .zero), taken: Self.time)), .saveBaseline(newer))
    #expect(contents.baselines == [Self.vf: newer])
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

  @Test func quarantines() {
    let old = Quarantine(vf: Self.vf, why: "a", since: Self.time)
    let new = Quarantine(vf: Self.vf, why: "b", since: Self.time, port: "p")
    #expect(contents(.quarantine(old), .quarantine(new)).quarantines == [Self.vf: new])
    #expect(contents(.quarantine(old), .unquarantine(Self.vf)).quarantines.isEmpty)
  }

  @Test(arguments: [(LeaseState.recorded, true), (.allocated, true), (.active, true), (.freed, false)])
  func whichLeasesHoldTheirVF(state: LeaseState, holds: Bool) { #expect(state.holdsVF == holds) }
}
