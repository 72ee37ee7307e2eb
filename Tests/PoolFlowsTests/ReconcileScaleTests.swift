import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

/// A host as large as they get: 1000 VFs on four cards, 200 guests.
struct ReconcileScaleTests {
  private static let netdef = """
    <network>
      <name>wide</name>
      <metadata>
        <vfpool:pool xmlns:vfpool="urn:vfpool:pool:1">
          <vfpool:pf dev="enp1s0" vfs="250"/><vfpool:pf dev="enp2s0" vfs="250"/>
          <vfpool:pf dev="enp3s0" vfs="250"/><vfpool:pf dev="enp4s0" vfs="250"/>
          <vfpool:placement policy="spread"/>
          <vfpool:vf trust="on" maxTxRate="500"/>
        </vfpool:pool>
      </metadata>
      <forward mode="hostdev" managed="yes"><driver name="vfio"/></forward>
    </network>
    """
  /// In a debug build, beside other tests.
  private static let bound = Duration.seconds(1)

  private func host() async throws -> FakeHost {
    // Nothing is looked at by itself meanwhile, however long this takes.
    let host = try await FakeHost(
      kernel: FakeKernel(pfs: 4, count: 250, total: 250), settle: .seconds(600), turnLimit: .seconds(600))
    _ = try await host.manager.apply(netdef: Self.netdef, plan: false)
    for number in 1...200 { #expect(await host.libvirt.start(Self.guest(number), host.manager) == nil) }
    #expect(host.ledger.contents.leases.values.count { $0.state == .active } == 200)
    await host.manager.reconciledInBackground()
    return host
  }

  private static func guest(_ number: Int) -> GuestDescription { FakeLibvirt.guest(number, networks: ["wide"]) }

  @Test func reconcilesInUnderASecond() async throws {
    let host = try await host()
    let healthy = try await best(of: host) {}
    #expect(healthy.reports.allSatisfy { $0 == ReconcileReport() })
    #expect(healthy.time < Self.bound)
    var round = 0
    let disturbed = try await best(of: host) {
      try await disturb(host, round)
      round += 1
    }
    #expect(disturbed.reports.map(\.drifts.count) == [50, 50, 50])
    #expect(disturbed.reports.allSatisfy { $0.failures == [] })
    #expect(disturbed.time < Self.bound)
    #expect(try await host.manager.reconcile(plan: true).drifts == [])
  }

  /// Of three times: the machine may have other work.
  private func best(
    of host: FakeHost, after disturbance: () async throws -> Void
  ) async throws -> (time: Duration, reports: [ReconcileReport]) {
    var best = Duration.seconds(60)
    var reports: [ReconcileReport] = []
    for _ in 1...3 {
      try await disturbance()
      let start = ContinuousClock.now
      reports.append(try await host.manager.reconcile(plan: false))
      best = min(best, .now - start)
    }
    return (best, reports)
  }

  /// Behind the manager's back: another one is told.
  private func disturb(_ host: FakeHost, _ round: Int) async throws {
    let other = try await host.restarted()
    let first = 1 + round * 30
    for number in 1000 + round * 10..<1010 + round * 10 {
      _ = await host.libvirt.start(Self.guest(number), other, hooks: false)
    }
    for number in first..<first + 10 {
      await host.libvirt.stop(Self.guest(number).guest, other, hooks: false)
    }
    let ports = host.libvirt.ports("wide")
    for number in first + 10..<first + 20 {
      let guest = Self.guest(number).guest
      let port = try #require(ports.first { $0.owner == guest })
      try await host.libvirt.drop(port: port.uuid, in: "wide")
    }
    let taken = Set(ports.compactMap(\.vf))
    let free = try await host.kernel.inventory(counters: false).vfs.filter { vf in !taken.contains { $0 == vf.pci } }
    for vf in free.suffix(10) { host.kernel.change(vf.id, VFSettings(trust: true, maxTxRate: 7)) }
    for vf in free.suffix(15).prefix(5) { host.kernel.bind(vf.id, to: "vfio-pci") }
    for vf in free.suffix(20).prefix(5).compactMap(\.pci) {
      let port = NetworkPort(Hold(port: "stray-\(vf)-\(round)", pool: "wide", vf: vf, guest: nil))
      try await host.libvirt.claim(port, in: "wide")
    }
  }
}
