import ControlAPI
import PoolModel
import Testing

@testable import Commands

@Suite struct UsageBarTests {
  private func bar(
    _ leased: Int, _ reserved: Int, _ free: Int, _ quarantined: Int, hostUsed: Int = 0, gone: Int = 0
  ) -> UsageBar {
    UsageBar(
      PoolRow(
        name: "p", uuid: nil, active: true, autostart: false, policy: .pack,
        total: leased + reserved + free + quarantined + hostUsed + gone, free: free, leased: leased, reserved: reserved,
        quarantined: quarantined, hostUsed: hostUsed, gone: gone, mode: .enforce))
  }

  @Test(arguments: [
    ([0, 0, 0, 0], "[]"), ([2, 0, 4, 1], "[##....!]"), ([16, 0, 0, 0], "[################]"),
    ([1, 1, 997, 1], "[#=.............!]"), ([500, 0, 500, 0], "[########........]"),
  ])
  func shows(counts: [Int], text: String) {
    #expect(bar(counts[0], counts[1], counts[2], counts[3]).text(places: 16, .plain) == text)
  }

  @Test func showsWhatTheHostUsesAndLacks() {
    #expect(bar(1, 1, 2, 1, hostUsed: 2, gone: 1).text(places: 16, .plain) == "[#=hh..!x]")
  }

  @Test func aFullBarHasEveryPlaceAndNothingVanishes() {
    for leased in 0...40 {
      for quarantined in 0...3 {
        let shares = bar(leased, 1, 40 - leased, quarantined).shares(of: 16)
        #expect(shares.reduce(0, +) == 16)
        #expect((shares[0] == 0) == (leased == 0))
        #expect((shares[4] == 0) == (quarantined == 0))
      }
    }
  }
}
