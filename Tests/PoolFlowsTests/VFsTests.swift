import FlowFakes
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

struct VFsTests {
  @Test func manyAreSetInOneGoAndWhatIsSoAlreadyIsNotWritten() async throws {
    let host = try await FakeHost()
    host.kernel.change(VFIndex(pf: "enp1s0", index: 2), VFSettings(trust: true))
    let vfs = try await host.manager.setVFs(
      ["enp1s0/0-3", "enp2s0/*", "enp1s0/1"], VFSettings(trust: true), disrupt: [])
    #expect(vfs.count == 4 + 7)
    #expect(vfs.allSatisfy { $0.state?.trust == true })
    #expect(host.kernel.writeCount == 10)
  }

  @Test func vfThatDoesNotTakeItAllIsPutBack() async throws {
    let host = try await FakeHost()
    let (picky, other) = (VFIndex(pf: "enp1s0", index: 1), VFIndex(pf: "enp1s0", index: 0))
    let before = try #require(host.kernel[picky])
    host.kernel.state.withLock { $0.picky = [picky] }
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.setVFs(["enp1s0/0-1"], VFSettings(trust: true, maxTxRate: 500), disrupt: [])
    }
    #expect(error?.message.contains("enp1s0/1 did not take maxTxRate 500") == true)
    #expect(error?.message.contains("the others are set") == true)
    #expect(host.kernel[picky] == before)
    #expect(host.kernel[other]?.maxTxRate == 500)
  }

  @Test func allThatFailAreCounted() async throws {
    let host = try await FakeHost()
    host.kernel.state.withLock { state in state.broken = Set(state.vfs.keys) }
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.setVFs(["enp1s0/*", "enp2s0/*"], VFSettings(trust: true), disrupt: [])
    }
    #expect(error?.message.contains("and 6 more") == true)
    #expect(error?.message.contains("no VF was changed") == true)
  }

  @Test(arguments: ["enp1s0/5-9", "enp1s0/0-9223372036854775807", "enp9s0/*", "enp1s0/3-1", "enp1s0/-1", "enp1s0/"])
  func namesThatMeanNoVF(name: String) async throws {
    let host = try await FakeHost()
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.setVFs(["enp1s0/0", name], VFSettings(trust: true), disrupt: [])
    }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains(name) == true)
    #expect(host.kernel.writeCount == 0)
  }

  @Test(arguments: [
    (["enp1s0/0-1"], VFSettings(mac: MACAddress(value: 0x0200_0000_0001)), "can't all have MAC"),
    (["enp1s0/0"], VFSettings(mac: MACAddress(value: 0x0100_0000_0001)), "multicast"),
    (["enp1s0/0"], VFSettings(vlan: .tagged(VLANTag(id: 4095))), "VLAN 4095"),
    (["enp1s0/0"], VFSettings(minTxRate: 10, maxTxRate: 5), "minimal rate 10"),
  ])
  func whatNoCardCanDo(names: [String], settings: VFSettings, text: String) async throws {
    let host = try await FakeHost()
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.setVFs(names, settings, disrupt: [])
    }
    #expect(error?.code == .invalid)
    #expect(error?.message.contains(text) == true)
    #expect(host.kernel.writeCount == 0)
  }

  @Test func leasedVFAmongManyStopsAll() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    _ = await host.libvirt.start(FakeLibvirt.guest(1, networks: ["spread"]), host.manager)
    let writes = host.kernel.writeCount
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.setVFs(["enp1s0/*"], VFSettings(rssQuery: true), disrupt: [])
    }
    #expect(error?.code == .refused)
    #expect(error?.message.contains("--disrupt g1") == true)
    #expect(host.kernel.writeCount == writes)
  }
}
