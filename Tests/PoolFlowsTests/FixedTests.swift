import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

/// VFs of pools that guests name by address.
struct FixedTests {
  private let first = VFIndex(pf: "enp1s0", index: 0)

  private func host(_ netdef: String = FakeHost.spread) async throws -> FakeHost {
    let host = try await FakeHost(turnLimit: .milliseconds(300))
    _ = try await host.manager.apply(netdef: netdef, plan: false)
    return host
  }

  /// A guest with the first VF: as a NIC, or as a plain device.
  private func guest(_ host: FakeHost, _ number: Int = 1, asNIC: Bool = true) throws -> GuestDescription {
    let vf = try #require(host.kernel.pci("enp1s0", 0))
    var guest = FakeLibvirt.guest(number, networks: [])
    if asNIC {
      guest.nics = [.init(source: .hostdev(vf), mac: MACAddress(value: 0x5254_0000_0100), index: 0)]
    } else {
      guest.hostdevs = [vf]
    }
    return guest
  }

  @Test(arguments: [true, false]) func claimedAndSetUpFromPrepareToRelease(asNIC: Bool) async throws {
    let host = try await self.host()
    let before = try #require(host.kernel[first])
    let guest = try self.guest(host, asNIC: asNIC)
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    let lease = try #require(host.ledger.contents.leases.values.first)
    #expect(lease.state == .active && lease.guest == guest.guest && lease.vfIndex == first)
    #expect(host.libvirt.ports("spread").map(\.uuid) == [lease.port])
    #expect(host.kernel[first]?.trust == true)
    #expect(host.kernel[first]?.mac == (asNIC ? guest.nics[0].mac : before.mac))
    #expect(host.ledger.contents.bindings.count == (asNIC ? 1 : 0))
    #expect(try await host.manager.reconcile(plan: true).drifts == [])
    await host.libvirt.stop(guest.guest, host.manager)
    #expect(host.ledger.contents.leases.isEmpty && host.libvirt.ports("spread").isEmpty)
    #expect(host.ledger.history.map(\.reason) == ["guest stopped"])
    #expect(host.kernel[first] == before)
  }

  /// The lease is recorded, its port isn't made yet.
  @Test func reconcilingMeanwhileLeavesTheClaimAlone() async throws {
    let host = try await FakeHost(turnLimit: .seconds(600))
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    await host.manager.reconciledInBackground()
    let manager = host.manager
    host.libvirt.state.withLock { $0.beforeClaim = { _ = try? await manager.reconcile(plan: false) } }
    #expect(await host.libvirt.start(try self.guest(host), host.manager) == nil)
    #expect(host.ledger.contents.leases.values.map(\.state) == [.active])
    #expect(host.ledger.history.isEmpty)
    #expect(host.kernel[first]?.trust == true)
  }

  /// Its port is gone, and the guest's start failed without a word.
  @Test func aClaimThatNobodyFollowsIsOverAfterAWhile() async throws {
    let host = try await FakeHost(turnLimit: .seconds(600))
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    await host.manager.reconciledInBackground()
    _ = await host.manager.prepare(try self.guest(host), deadline: HookDeadline(in: .seconds(60)))
    host.libvirt.state.withLock { $0.networks["spread"]?.removeAllPorts() }
    #expect(try await host.manager.reconcile(plan: false).drifts == [])
    #expect(host.ledger.contents.leases.count == 1)
    host.clock.advance(seconds: 700)
    #expect(try await host.manager.reconcile(plan: false).drifts.count == 1)
    #expect(host.ledger.contents.leases.isEmpty)
  }

  @Test func aVFThatAnotherGuestHasIsRefused() async throws {
    let host = try await self.host()
    #expect(await host.libvirt.start(FakeLibvirt.guest(2, networks: ["spread"]), host.manager) == nil)
    let guest = try self.guest(host)
    let why = await host.libvirt.start(guest, host.manager)
    #expect(why?.contains("names VF enp1s0/0") == true && why?.contains("leased to guest g2") == true)
    #expect(host.ledger.contents.leases.count == 1)
  }

  @Test func aQuarantinedVFIsRefused() async throws {
    let host = try await self.host()
    _ = try await host.manager.quarantine("enp1s0/0", why: "broken")
    let guest = try self.guest(host)
    let why = await host.libvirt.start(guest, host.manager)
    #expect(why?.contains("which is quarantined: broken") == true)
  }

  @Test func othersGetOtherVFs() async throws {
    let host = try await self.host()
    let guest = try self.guest(host)
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    let other = FakeLibvirt.guest(2, networks: ["spread"])
    #expect(await host.libvirt.start(other, host.manager) == nil)
    #expect(host.libvirt.vf(of: other.guest, "spread") == host.kernel.pci("enp2s0", 0))
  }

  /// By another client than vfpool, or while vfpoold was away.
  @Test(arguments: [true, false]) func metRunningItIsLeasedAndRestored(asNIC: Bool) async throws {
    let host = try await self.host()
    let before = try #require(host.kernel[first])
    let guest = try self.guest(host, asNIC: asNIC)
    #expect(await host.libvirt.start(guest, host.manager, hooks: false) == nil)
    let writes = host.kernel.writeCount
    await host.manager.deviceAdded("hostdev0", to: guest.guest.uuid)
    try await eventually("it is leased") { host.ledger.contents.leases.values.map(\.state) == [.active] }
    try await eventually("it is claimed") { host.libvirt.ports("spread").count == 1 }
    #expect(host.kernel.writeCount == writes)
    host.kernel.change(first, VFSettings(trust: true))
    await host.libvirt.letGo(guest, of: guest.guest)
    await host.manager.deviceRemoved("hostdev0", from: guest.guest.uuid)
    try await eventually("it is back") {
      host.ledger.contents.leases.isEmpty && host.libvirt.ports("spread").isEmpty
    }
    #expect(host.kernel[first] == before)
  }
}
