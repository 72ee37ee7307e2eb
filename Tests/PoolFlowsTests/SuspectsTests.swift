import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

struct SuspectsTests {
  /// The first card comes first, and a VF that keeps its trust is dirty.
  private static let netdef = FakeHost.sticky.replacing(
    "<vfpool:placement", with: "<vfpool:pf dev=\"enp2s0\" vfs=\"7\"/><vfpool:vf trust=\"on\"/><vfpool:placement")

  /// Guests 1… each get a VF of the first card, fail to give it back, and stop.
  private func fail(_ vfs: Int, on host: FakeHost) async throws {
    for number in 1...vfs {
      _ = await host.libvirt.start(FakeLibvirt.guest(number, networks: ["sticky"]), host.manager)
    }
    host.kernel.state.withLock { $0.deaf = Set(0..<7).mapPlaces("enp1s0") }
    for number in 1...vfs { await host.libvirt.stop(FakeLibvirt.guest(number, networks: []).guest, host.manager) }
    await host.manager.reconciledInBackground()
  }

  @Test func quarantineStopsAtTheLimitAndThePFComesLast() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: Self.netdef, plan: false)
    try await fail(5, on: host)
    #expect(host.ledger.contents.quarantines.count == 3)
    let view = await host.manager.view()
    #expect(view.problems.count { $0.hasPrefix("PF enp1s0: 3 of its VFs are quarantined") } == 1)
    #expect(view.problems.contains { $0.contains("vfpool vf unquarantine") })
    #expect(view.standings.values.count { $0.standing == .free } == 11)
    // A guest that never had one: the other card comes first now.
    let guest = FakeLibvirt.guest(9, networks: ["sticky"])
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    #expect(host.libvirt.vf(of: guest.guest, "sticky").flatMap(host.kernel.id)?.pf == "enp2s0")
    // Once one is given back, the card is trusted again.
    host.kernel.state.withLock { $0.deaf = [] }
    let quarantined = try #require(host.ledger.contents.quarantines.keys.min())
    _ = try await host.manager.unquarantine("\(quarantined)")
    #expect(await !host.manager.view().problems.contains { $0.hasPrefix("PF enp1s0: ") })
  }

  @Test func adminsQuarantinesSayNothingOfTheCard() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: Self.netdef, plan: false)
    for index in 3..<6 { _ = try await host.manager.quarantine("enp1s0/\(index)", why: "spare") }
    #expect(await !host.manager.view().problems.contains { $0.hasPrefix("PF enp1s0: ") })
    try await fail(2, on: host)
    #expect(host.ledger.contents.quarantines.count == 5)
  }

  @Test(arguments: [(0, 5), (1, 1), (4, 4)])
  func limitIsConfigured(limit: Int, quarantined: Int) async throws {
    let host = try await FakeHost(quarantineLimit: limit)
    _ = try await host.manager.apply(netdef: Self.netdef, plan: false)
    try await fail(5, on: host)
    #expect(host.ledger.contents.quarantines.count == quarantined)
    #expect(await host.manager.view().problems.contains { $0.hasPrefix("PF enp1s0: ") } == (limit > 0))
  }
}

extension Set<Int> {
  fileprivate func mapPlaces(_ pf: String) -> Set<VFIndex> { Set<VFIndex>(map { VFIndex(pf: pf, index: $0) }) }
}
