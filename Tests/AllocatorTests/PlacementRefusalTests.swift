import PoolModel
import Testing

@testable import Allocator

struct PlacementRefusalTests {
  private static let guest = GuestID(name: "web", uuid: "u")

  private static func obstacle(
    _ pf: String?, _ index: Int, _ kind: ObstacleKind, holder: String? = nil, why: String = "", kept: Bool = false
  ) -> PlacementRefusal.Obstacle {
    .init(
      vf: PCIAddress(bus: 1, slot: UInt8(index), function: 0), id: pf.map { VFIndex(pf: $0, index: index) }, kind: kind,
      holder: holder, why: why, isKeptForGuest: kept)
  }

  private static func text(
    _ obstacles: [PlacementRefusal.Obstacle], wanted: Int = 1, _ shortage: PlacementShortage = .tooFew(usable: 0)
  ) -> String {
    PlacementRefusal(
      pool: "p", guest: guest, wanted: wanted, shortage: shortage, total: obstacles.count, obstacles: obstacles
    ).description
  }

  @Test func holdersAreNamedAPFALine() {
    #expect(
      Self.text([
        Self.obstacle("pf1", 0, .leased, holder: "a"), Self.obstacle("pf2", 0, .leased, holder: "c"),
        Self.obstacle("pf1", 1, .leased, holder: "b"), Self.obstacle("pf1", 2, .leased, holder: "b"),
        Self.obstacle("pf1", 4, .leased, holder: "a"),
      ]) == """
        pool p: no free VF for guest web: 5 of 5 are leased
          pf1/0-2,4: leased to a (0,4), b (1-2)
          pf2/0: leased to c
        """)
  }

  @Test func mostUsefulLineComesFirstAndEqualReasonsShareOne() {
    #expect(
      Self.text([
        Self.obstacle("pf1", 0, .leased, holder: "a"),
        Self.obstacle("pf1", 1, .leased, holder: "b", kept: true),
        Self.obstacle("pf1", 2, .quarantined, why: "quarantined: trust on"),
        Self.obstacle(nil, 3, .gone, why: "not there"),
        Self.obstacle("pf2", 0, .noCarrier, why: "pf2 has no carrier"),
        Self.obstacle("pf2", 1, .noCarrier, why: "pf2 has no carrier"),
        Self.obstacle("pf1", 5, .reserved, why: "reserved for guest db"),
        Self.obstacle("pf2", 3, .reserved, why: "reserved for guest db"),
        Self.obstacle("pf2", 4, .reserved, why: "reserved for guest mail"),
      ]) == """
        pool p: no free VF for guest web: 3 of 9 reserved for others, 2 of 9 without carrier, 2 of 9 are leased, \
        1 of 9 quarantined, 1 of 9 gone
          pf1/1, reserved for it: leased to b
          pf2/0-1: pf2 has no carrier
          pf1/0: leased to a
          pf1/5, pf2/3: reserved for guest db
          pf2/4: reserved for guest mail
          pf1/2: quarantined: trust on
          0000:01:03.0: not there
        """)
  }

  @Test func otherShortages() {
    #expect(Self.text([], .tooFew(usable: 0)) == "pool p: has no VFs, so none for guest web")
    let taken = Self.obstacle("pf1", 0, .leased, holder: "a")
    #expect(
      Self.text([taken], .tooFew(usable: 0, promised: 1)).hasPrefix(
        "pool p: no free VF for guest web: 1 of 1 are leased, 1 of 1 goes to guests being started"))
    #expect(
      Self.text([Self.obstacle("pf1", 0, .leased, holder: "a")], wanted: 2, .tooFew(usable: 1))
        .hasPrefix("pool p: 1 free VFs for 2 NICs for guest web: 1 of 1 are leased\n"))
    #expect(
      Self.text([], wanted: 3, .quota(2))
        == "pool p: guest web may have at most 2 of its VFs at a time (quota) and asks for 3; give it fewer NICs of this "
        + "pool, or raise quota= in the netdef")
    #expect(Self.text([], .othersUnderWay(2)).contains("2 other NICs are being started"))
  }
}
