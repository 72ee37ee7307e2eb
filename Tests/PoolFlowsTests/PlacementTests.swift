import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

/// Placement's rules from a guest's start to the VF that libvirt gives it.
struct PlacementTests {
  /// A pool over both cards with this in its metadata.
  private static func netdef(_ placement: String = "", _ inside: String = "", whenDown: String = "allow") -> String {
    """
    <network>
      <name>p</name>
      <metadata>
        <vfpool:pool xmlns:vfpool="urn:vfpool:pool:1" whenDown="\(whenDown)">
          <vfpool:pf dev="enp1s0" vfs="7"/>
          <vfpool:pf dev="enp2s0" vfs="7" range="0-5"/>
          <vfpool:placement \(placement)/>
          \(inside)
        </vfpool:pool>
      </metadata>
      <forward mode="hostdev" managed="yes"><driver name="vfio"/></forward>
    </network>
    """
  }

  /// Each card on a NUMA node of its own, CPU 0 in node 0, CPU 1 in node 1; the pool is applied.
  private static func host(_ netdef: String) async throws -> FakeHost {
    let kernel = FakeKernel()
    kernel.state.withLock { state in
      state.numaNodes = [0: [0], 1: [1]]
      for place in state.pfs.indices { state.pfs[place].numaNode = place }
    }
    let host = try await FakeHost(kernel: kernel, turnLimit: .seconds(60))
    _ = try await host.manager.apply(netdef: netdef, plan: false)
    return host
  }

  /// What a guest's start gets, by VF; the refusal if it gets none.
  private static func start(
    _ host: FakeHost, _ number: Int, nics: Int = 1, cpus: Set<Int> = [], nodes: Set<Int> = []
  ) async -> String {
    var guest = FakeLibvirt.guest(number, networks: Array(repeating: "p", count: nics))
    (guest.cpus, guest.memoryNodes) = (cpus, nodes)
    if let refusal = await host.libvirt.start(guest, host.manager) { return refusal }
    return host.libvirt.ports("p").filter { $0.owner == guest.guest }
      .compactMap { $0.vf.flatMap(host.kernel.id)?.description }.sorted().joined(separator: ", ")
  }

  @Test func guestGetsAVFNearItsCPUsOrMemory() async throws {
    let host = try await Self.host(Self.netdef("numa=\"prefer\""))
    #expect(await Self.start(host, 1, cpus: [1]) == "enp2s0/0")
    #expect(await Self.start(host, 2, cpus: [1], nodes: [0]) == "enp1s0/0")
    #expect(await Self.start(host, 3) == "enp1s0/1")
    #expect(
      await Self.start(host, 4, nics: 6, nodes: [1]) == "enp1s0/2, enp2s0/1, enp2s0/2, enp2s0/3, enp2s0/4, enp2s0/5")
  }

  @Test func strictRefusesWhatIsFar() async throws {
    let host = try await Self.host(Self.netdef("numa=\"strict\""))
    #expect(await Self.start(host, 1, nics: 6, cpus: [1]).hasSuffix("enp2s0/5"))
    let refusal = await Self.start(host, 2, cpus: [1])
    #expect(
      refusal == """
        pool p: no free VF for guest g2: 7 of 13 far from its NUMA nodes, 6 of 13 are leased
          enp1s0/0-6: on NUMA node 0, while g2 runs on 1, and the pool says numa="strict"
          enp2s0/0-5: leased to g1 (0-5)
        """)
    #expect(await Self.start(host, 3) == "enp1s0/0")
  }

  @Test func reservedVFIsItsGuestsAndIsShownSo() async throws {
    let host = try await Self.host(
      Self.netdef(
        "quota=\"6\"",
        "<vfpool:reserve guest=\"g2\" vf=\"enp1s0/0\"/><vfpool:reserve guest=\"\(FakeLibvirt.uuid(3))\" vf=\"0000:02:10.2\"/>"
      ))
    let row = await host.manager.view().standings[PCIAddress(bus: 1, slot: 16, function: 0)]?.standing
    #expect(row == .reserved("for guest g2"))
    #expect(await Self.start(host, 1) == "enp1s0/1")
    #expect(await Self.start(host, 2) == "enp1s0/0")
    #expect(await Self.start(host, 3) == "enp2s0/1")
    await host.libvirt.stop(FakeLibvirt.guest(2, networks: []).guest, host.manager)
    #expect(await Self.start(host, 4, nics: 5) == "enp1s0/2, enp1s0/3, enp1s0/4, enp1s0/5, enp1s0/6")
    #expect(await Self.start(host, 5, nics: 5) == "enp2s0/0, enp2s0/2, enp2s0/3, enp2s0/4, enp2s0/5")
    let refusal = await Self.start(host, 6)
    #expect(refusal.hasPrefix("pool p: no free VF for guest g6: 12 of 13 are leased, 1 of 13 reserved for others\n"))
    #expect(refusal.contains("\n  enp1s0/0: reserved for guest g2"))
    #expect(await Self.start(host, 2) == "enp1s0/0")
    try await eventually("no hold is left") { host.libvirt.ports("p").allSatisfy { !$0.isHold } }
  }

  @Test func quotaIsForAllNICsOfAGuest() async throws {
    let host = try await Self.host(Self.netdef("quota=\"2\""))
    let refusal = await Self.start(host, 1, nics: 3)
    #expect(refusal.hasPrefix("pool p: guest g1 may have at most 2 of its VFs at a time (quota) and asks for 3"))
    #expect(await Self.start(host, 1, nics: 2) == "enp1s0/0, enp1s0/1")
    #expect(await Self.start(host, 2, nics: 2) == "enp1s0/2, enp1s0/3")
  }

  @Test func sharedIOMMUGroupIsNamed() async throws {
    let kernel = FakeKernel()
    let (first, second) = (PCIAddress(bus: 1, slot: 16, function: 0), PCIAddress(bus: 1, slot: 16, function: 2))
    let disk = PCIAddress(bus: 3, slot: 0, function: 0)
    kernel.state.withLock { state in
      let vfs = [VFIndex(pf: "enp1s0", index: 0), VFIndex(pf: "enp1s0", index: 1), VFIndex(pf: "enp1s0", index: 2)]
      state.vfs[vfs[0]]?.iommuGroup = IOMMUGroup(7, others: [second])
      state.vfs[vfs[1]]?.iommuGroup = IOMMUGroup(7, others: [first])
      state.vfs[vfs[2]]?.iommuGroup = IOMMUGroup(8, others: [disk], blockers: [.init(pci: disk, driver: "nvme")])
    }
    let host = try await FakeHost(kernel: kernel, turnLimit: .seconds(60))
    _ = try await host.manager.apply(netdef: Self.netdef(), plan: false)
    #expect(await Self.start(host, 1) == "enp1s0/0")
    #expect(await Self.start(host, 2) == "enp1s0/3")
    let view = try await Self.explain(host, 3)
    let why = { (index: Int) in view.vfs.first { $0.id == VFIndex(pf: "enp1s0", index: index) }?.why }
    #expect(why(1) == "its IOMMU group 7 also holds enp1s0/0, which guest g1 has")
    #expect(why(2) == "its IOMMU group 8 also holds 0000:03:00.0, which the host has (nvme)")
    // A guest may have both of a group.
    await host.libvirt.stop(FakeLibvirt.guest(2, networks: []).guest, host.manager)
    await host.libvirt.stop(FakeLibvirt.guest(1, networks: []).guest, host.manager)
    #expect(await Self.start(host, 4, nics: 2) == "enp1s0/0, enp1s0/1")
  }

  // MARK: explain

  private static func explain(_ host: FakeHost, _ number: Int, nics: Int = 1, cpus: Set<Int> = []) async throws
    -> PlacementView
  {
    var guest = FakeLibvirt.guest(number, networks: Array(repeating: "p", count: nics) + ["other"])
    guest.cpus = cpus
    host.libvirt.state.withLock { $0.defined = [guest] }
    return try await host.manager.explainPlacement(pool: "p", guest: "g\(number)")
  }

  @Test func explainSaysWhatTheStartThenGetsAndChangesNothing() async throws {
    let host = try await Self.host(
      Self.netdef("policy=\"spread\" numa=\"prefer\" sticky=\"yes\"", "<vfpool:reserve guest=\"g9\" vf=\"enp1s0/0\"/>"))
    #expect(await Self.start(host, 1, cpus: [1]) == "enp2s0/0")
    let before = (host.ledger.state.withLock { $0.commits }, host.libvirt.state.withLock { $0.calls.count })
    let view = try await Self.explain(host, 2, nics: 2, cpus: [1])
    #expect(view.nics == 2)
    #expect(view.numaNodes == [1])
    #expect(view.refusal == nil)
    #expect(view.picks.compactMap { host.kernel.id($0)?.description } == ["enp2s0/1", "enp2s0/2"])
    #expect(view.holds.compactMap { host.kernel.id($0)?.description } == ["enp1s0/0", "enp1s0/1", "enp1s0/2"])
    #expect(view.vfs.prefix(2).map(\.nic) == [0, 1])
    #expect(
      view.vfs.first?.why == "enp2s0 has its carrier, NUMA node 1 is near, 1 leased on enp2s0, place 4 in the pool")
    #expect(view.vfs.last?.why.hasPrefix("leased to guest g1") == true)
    #expect(view.vfs.last?.holder == "g1")
    #expect(view.vfs.first { $0.obstacle == .reserved }?.why == "reserved for guest g9")
    let after = (host.ledger.state.withLock { $0.commits }, host.libvirt.state.withLock { $0.calls.count })
    #expect(before == after)
    #expect(await Self.start(host, 2, nics: 2, cpus: [1]) == "enp2s0/1, enp2s0/2")
    // It runs now, and is explained as if it had stopped.
    let again = try await Self.explain(host, 2, nics: 2, cpus: [1])
    #expect(again.picks == view.picks)
  }

  @Test func explainShowsTheRefusal() async throws {
    let host = try await Self.host(Self.netdef("quota=\"1\""))
    let quota = try await Self.explain(host, 1, nics: 2)
    #expect(quota.refusal?.contains("(quota)") == true)
    #expect(quota.vfs.allSatisfy { $0.rank != nil && $0.nic == nil })
    host.libvirt.state.withLock { $0.defined = [] }
    await #expect(throws: FlowError.self) { try await host.manager.explainPlacement(pool: "p", guest: "g1") }
    host.libvirt.state.withLock { $0.defined = [FakeLibvirt.guest(1, networks: ["other"])] }
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.explainPlacement(pool: "p", guest: "g1")
    }
    #expect(error?.message == "guest g1 has no NIC of pool p (`vfpool guest xml --pool p`)")
  }

  // MARK: apply

  @Test(arguments: [
    ("vf=\"enp2s0/6\"", "line 8: VF enp2s0/6, reserved for guest g, is not in the pool; it has enp1s0/0-6, enp2s0/0-5"),
    ("vf=\"enp9s0/0\"", "line 8: VF enp9s0/0, reserved for guest g, is not in the pool"),
    ("vf=\"0000:09:00.0\"", "line 8: VF 0000:09:00.0, reserved for guest g, is not on this host"),
    ("vf=\"enp1s0/0\"/>\n<vfpool:reserve guest=\"h\" vf=\"01:10.0\"", "line 9: VF 0000:01:10.0 is reserved twice"),
  ])
  func badReservationIsRefusedBeforeAnythingChanges(_ vf: String, _ reason: String) async throws {
    let host = try await FakeHost()
    let error = await #expect(throws: FlowError.self) {
      try await host.manager.apply(netdef: Self.netdef("", "<vfpool:reserve guest=\"g\" \(vf)/>"), plan: false)
    }
    #expect(error?.code == .invalid)
    #expect(error?.message.hasPrefix(reason) == true, "\(error?.message ?? "")")
    #expect(host.ledger.contents.pools.isEmpty)
  }
}
