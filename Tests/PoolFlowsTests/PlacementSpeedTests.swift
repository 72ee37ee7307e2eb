import Allocator
import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

struct PlacementSpeedTests {
  /// 10,048 VFs, all but a few leased: a decision, from memory to the picks. A debug build takes some fifty times as long
  /// as a release build; what grows with the square of the VFs would take minutes.
  @Test func decisionAmongTenThousandVFs() async throws {
    let host = try await FakeHost(kernel: FakeKernel(pfs: 157, count: 64, total: 64))
    let addresses = host.kernel.state.withLock { $0.vfs.values.compactMap(\.pci).sorted() }
    let pool = Pool(
      name: "large", addresses: addresses, placement: Placement(policy: .spread, numa: .prefer, sticky: true))
    host.ledger.state.withLock { state in
      state.contents.apply(.savePool(pool, netdef: ""))
      for (number, vf) in addresses.enumerated() where number % 10 != 0 {
        state.contents.apply(
          .openLease(
            Lease(
              id: Int64(number), pool: pool.name, guest: GuestID(name: "g\(number)", uuid: FakeLibvirt.uuid(number)),
              nic: 0, mac: MACAddress(value: UInt64(number)), vf: vf, vfIndex: nil, state: .active,
              since: Timestamp(milliseconds: 0), bootID: "boot-1")))
      }
    }
    let manager = try await host.restarted()
    let guest = FakeLibvirt.guest(99_999, networks: ["large", "large"])
    _ = try await manager.choose(guest, nics: 2, pool, within: .seconds(1))
    let time = try await ContinuousClock().measure {
      let choice = try await manager.choose(guest, nics: 2, pool, within: .seconds(1))
      #expect(choice.picks.count == 2)
    }
    #expect(time < .seconds(1))
  }
}
