import ControlAPI
import FlowFakes
import PoolFlows
import PoolModel
import Testing

@testable import ControlServer

@Suite struct HostRowsTests {
  /// A pool of 14 VFs over two PFs.
  private func view() async throws -> HostView {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    return await host.manager.view()
  }

  @Test func eachVFOfAPoolIsInOneCount() async throws {
    var view = try await view()
    let pool = try #require(view.contents.pools["spread"])
    let some: [VFStanding] = [
      .reserved("for guest db"), .foreign("other"), .hostUsed("it has an address"),
      .quarantined(Quarantine(vf: pool.addresses[3], why: "its reset failed", since: Timestamp(milliseconds: 0))),
      .gone,
    ]
    for (pci, standing) in zip(pool.addresses, some) { view.standings[pci] = ("spread", standing) }
    view.standings[pool.addresses[5]] = nil
    let row = view.row(pool)
    #expect([row.total, row.free, row.leased] == [14, 8, 0])
    #expect([row.reserved, row.hostUsed, row.quarantined, row.gone] == [2, 1, 1, 2])
  }

  @Test func aVFInNoPoolCanBeQuarantined() async throws {
    var view = try await view()
    let vf = try #require(view.inventory.vf(VFIndex(pf: "enp1s0", index: 0)))
    let pci = try #require(vf.pci)
    view.standings[pci] = nil
    #expect(view.row(vf).state == .unpooled)
    view.contents.quarantines[pci] = Quarantine(vf: pci, why: "its reset failed", since: Timestamp(milliseconds: 0))
    #expect(view.row(vf).state == .quarantined)
    #expect(view.row(vf).why == "its reset failed")
    #expect(
      view.allProblems == [
        "VF enp1s0/0 (\(pci)) is quarantined since 1970-01-01T00:00:00.000Z: its reset failed; "
          + "`vfpool vf unquarantine enp1s0/0` tries it again"
      ])
  }
}
