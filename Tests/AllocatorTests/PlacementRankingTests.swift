import PoolModel
import Testing

@testable import Allocator

struct PlacementRankingTests {
  private static let guest = GuestID(name: "g", uuid: "u")

  private static func vf(_ pf: Int, _ index: Int) -> PCIAddress {
    PCIAddress(bus: UInt8(pf), slot: UInt8(16 + index), function: 0)
  }

  /// Two PFs with three VFs each, in the policy's order; `taken` are leased. VFs of PF 1 are on NUMA node 0, of PF 2 on 1.
  private static func ranking(
    _ placement: Placement = Placement(), taken: Set<PCIAddress> = [], downPF: Int? = nil, whenDown: WhenDown = .allow
  ) -> PlacementRanking {
    let order = listOrder((1...2).map { pf in (0..<3).map { vf(pf, $0) } }, policy: placement.policy)
    return PlacementRanking(
      placement: placement, whenDown: whenDown,
      pfs: (1...2).map { number in CandidatePF(name: "pf\(number)", carrier: downPF.map { number != $0 }) },
      candidates: order.map { address in
        Candidate(
          vf: address, pf: Int(address.bus) - 1, standing: taken.contains(address) ? .leased : .free,
          claimed: taken.contains(address), numaNode: Int(address.bus) - 1)
      })
  }

  private static func request(
    _ lastVFs: [PCIAddress?] = [nil], nodes: Set<Int> = [], held: Int = 0, unplaced: Int = 0, waiting: Int = 0
  ) -> PlacementRequest {
    PlacementRequest(
      guest: guest, lastVFs: lastVFs, numaNodes: nodes, held: held, unplaced: unplaced, waiting: waiting)
  }

  @Test func listOrderFollowsThePolicy() {
    let pfs = [[Self.vf(1, 0), Self.vf(1, 1)], [Self.vf(2, 0)]]
    #expect(listOrder(pfs, policy: .pack) == [Self.vf(1, 0), Self.vf(1, 1), Self.vf(2, 0)])
    #expect(listOrder(pfs, policy: .spread) == [Self.vf(1, 0), Self.vf(2, 0), Self.vf(1, 1)])
  }

  @Test func firstStartsNeedNoHolds() throws {
    for policy in PlacementPolicy.allCases {
      let choice = try Self.ranking(Placement(policy: policy)).choose(Self.request([nil, nil]))
      #expect(choice.holds == [])
    }
  }

  @Test func spreadTakesTheEmptierPFAndHoldsWhatComesBefore() throws {
    // pf2 has no lease, pf1 has one; the list's first free one is on pf1.
    let choice = try Self.ranking(Placement(policy: .spread), taken: [Self.vf(1, 1)]).choose(Self.request())
    #expect(choice == PlacementChoice(picks: [Self.vf(2, 0)], holds: [Self.vf(1, 0)]))
  }

  @Test func packTakesTheFirstFree() throws {
    let choice = try Self.ranking(taken: [Self.vf(1, 0)]).choose(Self.request())
    #expect(choice == PlacementChoice(picks: [Self.vf(1, 1)], holds: []))
  }

  @Test func stickyTakesTheLastVFWhileItIsFree() throws {
    let last = Self.vf(2, 1)
    let sticky = Placement(sticky: true)
    let free = try Self.ranking(sticky).choose(Self.request([last]))
    #expect(free.picks == [last])
    #expect(free.holds == [Self.vf(1, 0), Self.vf(1, 1), Self.vf(1, 2), Self.vf(2, 0)])
    let taken = try Self.ranking(sticky, taken: [last]).choose(Self.request([last]))
    #expect(taken.picks == [Self.vf(1, 0)])
    let unasked = try Self.ranking().choose(Self.request([last]))
    #expect(unasked.picks == [Self.vf(1, 0)])
  }

  @Test func holdsNeverStarveOtherStarts() throws {
    // Six free, one pick, four holds: one left for others. Two starts are under way, so there are no holds.
    let last = Self.vf(2, 1)
    let tight = try Self.ranking(Placement(sticky: true)).choose(Self.request([last], waiting: 2))
    #expect(tight == PlacementChoice(picks: [Self.vf(1, 0)], holds: []))
    let enough = try Self.ranking(Placement(sticky: true)).choose(Self.request([last], waiting: 1))
    #expect(enough.picks == [last])
  }

  @Test func startThatCouldOnlyStarveOthersIsToldToComeAgain() {
    // The guest may have only PF 2's VFs, which are listed last, and three others want one of the six.
    let ranking = Self.ranking(Placement(numa: .strict))
    #expect(throws: Never.self) { try ranking.choose(Self.request(nodes: [1], waiting: 3)) }
    #expect(throws: Never.self) { try ranking.choose(Self.request(nodes: [1], unplaced: 2)) }
    var crowded = ranking
    for place in 4...5 { crowded.candidates[place].keptFor = .thisGuest }
    #expect(throws: PlacementShortage.othersUnderWay(2)) {
      try crowded.choose(Self.request([nil], nodes: [1], unplaced: 2))
    }
  }

  @Test func vfsThatGoToUnplacedStartsAreNotHadTwice() throws {
    let ranking = Self.ranking(taken: [Self.vf(1, 0), Self.vf(1, 1), Self.vf(1, 2), Self.vf(2, 0)])
    #expect(throws: Never.self) { try ranking.choose(Self.request(unplaced: 1)) }
    #expect(throws: PlacementShortage.tooFew(usable: 0, promised: 2)) { try ranking.choose(Self.request(unplaced: 2)) }
    #expect(ranking.shortageUnplaced(Self.request(unplaced: 1)) == nil)
    #expect(ranking.shortageUnplaced(Self.request(unplaced: 3)) == .tooFew(usable: 0, promised: 2))
    #expect(ranking.shortageUnplaced(Self.request([nil, nil], unplaced: 1)) == .tooFew(usable: 1, promised: 1))
  }

  @Test func whatIsHeldForAStartIsNoShortage() {
    var ranking = Self.ranking(taken: [Self.vf(1, 0), Self.vf(1, 1), Self.vf(1, 2), Self.vf(2, 0), Self.vf(2, 1)])
    ranking.candidates[5].claimed = true
    #expect(throws: PlacementShortage.self) { try ranking.choose(Self.request()) }
    #expect(ranking.shortageUnplaced(Self.request()) == nil)
    ranking.candidates[5].standing = .quarantined
    #expect(ranking.shortageUnplaced(Self.request()) == .tooFew(usable: 0))
  }

  @Test func vfsThatLibvirtThinksFreeAreHeld() throws {
    var ranking = Self.ranking()
    ranking.candidates[0].standing = .hostUsed
    let choice = try ranking.choose(Self.request())
    #expect(choice == PlacementChoice(picks: [Self.vf(1, 1)], holds: [Self.vf(1, 0)]))
  }

  @Test func vfRecordedForAnotherStartIsNotHeld() throws {
    var ranking = Self.ranking()
    ranking.candidates[0].standing = .leased
    let choice = try ranking.choose(Self.request())
    #expect(choice == PlacementChoice(picks: [Self.vf(1, 1)], holds: []))
  }

  @Test func vfHeldForAnotherStartIsLeftAlone() throws {
    var ranking = Self.ranking()
    ranking.candidates[0].claimed = true
    let choice = try ranking.choose(Self.request())
    #expect(choice == PlacementChoice(picks: [Self.vf(1, 1)], holds: []))
    #expect(ranking.obstacles(Self.request())[0] == .held)
  }

  @Test func carrierComesFirst() throws {
    let choice = try Self.ranking(downPF: 1).choose(Self.request())
    #expect(choice.picks == [Self.vf(2, 0)])
    let full = Self.ranking(taken: Set((0..<3).map { Self.vf(2, $0) }), downPF: 1, whenDown: .refuse)
    #expect(throws: PlacementShortage.tooFew(usable: 0)) { try full.choose(Self.request()) }
    #expect(full.obstacles(Self.request()).prefix(3).allSatisfy { $0 == .noCarrier })
  }

  @Test func suspectPFComesLastButIsUsed() throws {
    var ranking = Self.ranking()
    ranking.pfs[0].isSuspect = true
    #expect(try ranking.choose(Self.request()).picks == [Self.vf(2, 0)])
    for place in 3..<6 { ranking.candidates[place].standing = .leased }
    #expect(try ranking.choose(Self.request()).picks == [Self.vf(1, 0)])
  }

  // A guest without a wish, a card without a node: no preference, and strict doesn't refuse.
  @Test(
    arguments: [
      (.ignore, [1], 1, 0), (.prefer, [1], 2, 0), (.prefer, [], 1, 0), (.prefer, [0, 1], 1, 0),
      (.prefer, [7], 1, 0), (.strict, [1], 2, 3), (.strict, [], 1, 0), (.strict, [7], nil, 6),
    ] as [(NUMAPreference, Set<Int>, Int?, Int)])
  func nearVFsComeFirst(numa: NUMAPreference, nodes: Set<Int>, pf: Int?, obstacles: Int) {
    let ranking = Self.ranking(Placement(numa: numa))
    let choice = try? ranking.choose(Self.request(nodes: nodes))
    #expect(choice?.picks == pf.map { [Self.vf($0, 0)] })
    #expect(ranking.obstacles(Self.request(nodes: nodes)).count { $0 == .farFromGuest } == obstacles)
    var unknown = ranking
    for place in 0..<6 { unknown.candidates[place].numaNode = nil }
    #expect((try? unknown.choose(Self.request(nodes: nodes)))?.picks == [Self.vf(1, 0)])
  }

  @Test func vfOfUnknownNodeStandsBetweenNearAndFar() throws {
    var ranking = Self.ranking(Placement(numa: .prefer))
    ranking.candidates[5].numaNode = nil
    #expect(try ranking.choose(Self.request(nodes: [2])).picks == [Self.vf(2, 2)])
  }

  @Test func reservedVFIsForItsGuestAlone() throws {
    var ranking = Self.ranking(Placement(numa: .prefer, sticky: true), downPF: 2)
    ranking.candidates[5].keptFor = .thisGuest
    ranking.candidates[0].keptFor = .anotherGuest
    // Before carrier, NUMA and what it had last.
    let choice = try ranking.choose(Self.request([Self.vf(1, 1), nil], nodes: [0]))
    #expect(choice.picks == [Self.vf(1, 1), Self.vf(2, 2)])
    #expect(choice.holds.contains(Self.vf(1, 0)))
    #expect(ranking.obstacles(Self.request())[0] == .reserved)
  }

  @Test func sharedIOMMUGroupIsInTheWay() throws {
    var ranking = Self.ranking()
    ranking.candidates[0].sharesGroup = true
    let choice = try ranking.choose(Self.request())
    #expect(choice == PlacementChoice(picks: [Self.vf(1, 1)], holds: [Self.vf(1, 0)]))
  }

  @Test(arguments: [(1, 0, true), (2, 0, true), (3, 0, false), (1, 1, true), (1, 2, false)])
  func quotaCountsWhatTheGuestHas(nics: Int, held: Int, isPlaced: Bool) {
    let ranking = Self.ranking(Placement(quota: 2))
    let request = Self.request(Array(repeating: nil, count: nics), held: held)
    if isPlaced {
      #expect(throws: Never.self) { try ranking.choose(request) }
    } else {
      #expect(throws: PlacementShortage.quota(2)) { try ranking.choose(request) }
    }
  }

  @Test func rankedShowsPicksFirstThenTheNextAndObstaclesLast() {
    var ranking = Self.ranking(Placement(policy: .spread, sticky: true), taken: [Self.vf(1, 0)], downPF: 2)
    ranking.candidates[1].keptFor = .thisGuest
    let rows = ranking.ranked(Self.request([Self.vf(1, 2), nil]))
    #expect(rows.map { ranking.candidates[$0.place].vf }.prefix(3) == [Self.vf(2, 0), Self.vf(1, 1), Self.vf(1, 2)])
    #expect(rows.map(\.nic) == [0, 1, nil, nil, nil, nil])
    #expect(rows.map(\.rank) == [1, 2, 3, 4, 5, nil])
    #expect(rows.map(\.obstacle) == [nil, nil, nil, nil, nil, .leased])
    #expect(rows[0].merits == ["reserved for g", "pf2 has no carrier", "0 leased on pf2", "place 2 in the pool"])
    #expect(rows[2].merits.contains("g had it last"))
  }
}
