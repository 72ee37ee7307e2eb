import PoolModel
import Testing

@testable import Allocator

struct PlacementRankingTests {
  private static let guest = GuestID(name: "g", uuid: "u")

  private static func vf(_ pf: Int, _ index: Int) -> PCIAddress {
    PCIAddress(bus: UInt8(pf), slot: UInt8(16 + index), function: 0)
  }

  private static func lease(_ vf: PCIAddress, _ state: LeaseState = .active) -> VFStanding {
    .leased(
      Lease(
        pool: "p", guest: GuestID(name: "other", uuid: "o"), nic: 0, mac: .zero, vf: vf, vfIndex: nil, state: state,
        since: Timestamp(milliseconds: 0), bootID: "b"))
  }

  /// Two PFs with three VFs each, in the policy's order; `taken` are leased.
  private static func ranking(
    _ policy: PlacementPolicy, sticky: Bool = false, taken: Set<PCIAddress> = [], downPF: Int? = nil,
    whenDown: WhenDown = .allow
  ) -> PlacementRanking {
    let order = listOrder((1...2).map { pf in (0..<3).map { vf(pf, $0) } }, policy: policy)
    let candidates = order.map { address in
      Candidate(
        vf: address, id: VFIndex(pf: "pf\(address.bus)", index: Int(address.slot) - 16),
        standing: taken.contains(address) ? lease(address) : .free, claimed: taken.contains(address),
        carrier: downPF.map { Int(address.bus) != $0 })
    }
    return PlacementRanking(
      pool: Pool(
        name: "p", addresses: order, placement: Placement(policy: policy, sticky: sticky), whenDown: whenDown),
      candidates: candidates)
  }

  private static func request(_ lastVFs: [PCIAddress?], othersUnderWay: Int = 0) -> PlacementRequest {
    PlacementRequest(guest: guest, lastVFs: lastVFs, othersUnderWay: othersUnderWay)
  }

  @Test func listOrderFollowsThePolicy() {
    let pfs = [[Self.vf(1, 0), Self.vf(1, 1)], [Self.vf(2, 0)]]
    #expect(listOrder(pfs, policy: .pack) == [Self.vf(1, 0), Self.vf(1, 1), Self.vf(2, 0)])
    #expect(listOrder(pfs, policy: .spread) == [Self.vf(1, 0), Self.vf(2, 0), Self.vf(1, 1)])
  }

  @Test func firstStartsNeedNoHolds() throws {
    for policy in PlacementPolicy.allCases {
      let choice = try Self.ranking(policy).choose(Self.request([nil, nil]))
      #expect(choice.holds == [])
    }
  }

  @Test func spreadTakesTheEmptierPFAndHoldsWhatComesBefore() throws {
    // pf2 has no lease, pf1 has one; the list's first free one is on pf1.
    let choice = try Self.ranking(.spread, taken: [Self.vf(1, 1)]).choose(Self.request([nil]))
    #expect(choice == PlacementChoice(picks: [Self.vf(2, 0)], holds: [Self.vf(1, 0)]))
  }

  @Test func packTakesTheFirstFree() throws {
    let choice = try Self.ranking(.pack, taken: [Self.vf(1, 0)]).choose(Self.request([nil]))
    #expect(choice == PlacementChoice(picks: [Self.vf(1, 1)], holds: []))
  }

  @Test func stickyTakesTheLastVFWhileItIsFree() throws {
    let last = Self.vf(2, 1)
    let free = try Self.ranking(.pack, sticky: true).choose(Self.request([last]))
    #expect(free.picks == [last])
    #expect(free.holds == [Self.vf(1, 0), Self.vf(1, 1), Self.vf(1, 2), Self.vf(2, 0)])
    let taken = try Self.ranking(.pack, sticky: true, taken: [last]).choose(Self.request([last]))
    #expect(taken.picks == [Self.vf(1, 0)])
    let unasked = try Self.ranking(.pack).choose(Self.request([last]))
    #expect(unasked.picks == [Self.vf(1, 0)])
  }

  @Test func holdsNeverStarveOtherStarts() throws {
    // Six free, one pick, four holds: one left for others. Two starts are under way, so there are no holds.
    let last = Self.vf(2, 1)
    let tight = try Self.ranking(.pack, sticky: true).choose(Self.request([last], othersUnderWay: 2))
    #expect(tight == PlacementChoice(picks: [Self.vf(1, 0)], holds: []))
    let enough = try Self.ranking(.pack, sticky: true).choose(Self.request([last], othersUnderWay: 1))
    #expect(enough.picks == [last])
  }

  @Test func vfsThatLibvirtThinksFreeAreHeld() throws {
    var ranking = Self.ranking(.pack)
    ranking.candidates[0].standing = .hostUsed("has address 192.0.2.1")
    let choice = try ranking.choose(Self.request([nil]))
    #expect(choice == PlacementChoice(picks: [Self.vf(1, 1)], holds: [Self.vf(1, 0)]))
  }

  @Test func vfRecordedForAnotherStartIsNotHeld() throws {
    var ranking = Self.ranking(.pack)
    ranking.candidates[0].standing = Self.lease(Self.vf(1, 0), .recorded)
    let choice = try ranking.choose(Self.request([nil]))
    #expect(choice == PlacementChoice(picks: [Self.vf(1, 1)], holds: []))
  }

  @Test func carrierComesFirst() throws {
    let choice = try Self.ranking(.pack, downPF: 1).choose(Self.request([nil]))
    #expect(choice.picks == [Self.vf(2, 0)])
    let refusal = #expect(throws: PlacementRefusal.self) {
      let taken = Set((0..<3).map { Self.vf(2, $0) })
      return try Self.ranking(.pack, taken: taken, downPF: 1, whenDown: .refuse).choose(Self.request([nil]))
    }
    #expect(refusal?.description.contains("3 of 6 without carrier") == true)
  }

  @Test func refusalNamesEveryVFAndItsHolder() {
    let all = Set((1...2).flatMap { pf in (0..<3).map { Self.vf(pf, $0) } })
    let refusal = #expect(throws: PlacementRefusal.self) {
      try Self.ranking(.pack, taken: all).choose(Self.request([nil]))
    }
    let text = refusal?.description ?? ""
    #expect(text.hasPrefix("pool p: no free VF for guest g: 6 of 6 are leased\n"))
    #expect(text.split(separator: "\n").count == 7)
    #expect(text.contains("  pf1/0 0000:01:10.0: leased to guest other"))
  }

  /// libvirt, as it serves a guest's NICs: each gets the first address that has no port.
  @Test(arguments: 0..<200)
  func libvirtsFirstFreeIsThePick(_ seed: UInt64) throws {
    var random = Seeded(state: seed)
    let policy: PlacementPolicy = Bool.random(using: &random) ? .pack : .spread
    let all = (1...2).flatMap { pf in (0..<3).map { Self.vf(pf, $0) } }
    let taken = Set(all.filter { _ in Bool.random(using: &random) })
    let ranking = Self.ranking(policy, sticky: true, taken: taken)
    let free = all.count - taken.count
    guard free > 0 else { return }
    let nics = Int.random(in: 1...free, using: &random)
    let lastVFs: [PCIAddress?] = (0..<nics).map { _ in all.randomElement(using: &random) }
    let choice = try ranking.choose(Self.request(lastVFs))
    var claimed = taken.union(choice.holds)
    for pick in choice.picks {
      let first = ranking.pool.addresses.first { !claimed.contains($0) }
      #expect(first == pick)
      claimed.insert(pick)
    }
    #expect(Set(choice.picks).count == nics)
  }
}

/// SplitMix64: the same sequence for the same seed.
struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
