import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

struct SelfTestTests {
  static let attributes = [
    "mac", "vlan", "qos", "vlanProto", "spoofchk", "trust", "linkState", "linkState", "maxTxRate", "minTxRate",
    "rssQuery",
  ]

  private func states(_ host: FakeHost) -> [VFIndex: VFState?] {
    host.kernel.state.withLock { $0.vfs.mapValues(\.state) }
  }

  /// A VF of no pool: nothing of it stays in the ledger.
  @Test func aCardOfNoPool() async throws {
    let host = try await FakeHost()
    let before = states(host)
    let test = try await host.manager.selfTest(pf: "enp1s0")
    #expect(test.vf == VFIndex(pf: "enp1s0", index: 6))
    #expect(test.trials.map(\.attribute) == Self.attributes)
    #expect(test.trials.dropLast().allSatisfy { $0.outcome == .ok && $0.detail == nil }, "\(test.trials)")
    // The fake card doesn't report it.
    #expect(test.trials.last?.outcome == .unsupported)
    #expect(test.left == nil && !test.isQuarantined)
    #expect(states(host) == before)
    #expect(host.ledger.contents.baselines.isEmpty && host.ledger.contents.holds.isEmpty)
    #expect(host.libvirt.state.withLock { !$0.calls.contains { $0.hasPrefix("claim") } })
  }

  @Test func everyValueThatIsTriedDiffers() throws {
    let states = [
      VFState(mac: MACAddress(value: 0)),
      VFState(
        mac: MACAddress(value: 1), vlan: VLANTag(id: 4000, qos: 5), spoofchk: false, trust: true, linkState: .enable,
        minTxRate: 50, maxTxRate: 100, rssQuery: true),
      VFState(mac: MACAddress(value: 1), linkState: .disable, minTxRate: 200, maxTxRate: 200),
      VFState(mac: MACAddress(value: 1), minTxRate: 0, maxTxRate: 5),
    ]
    for state in states {
      for trial in VFTrial.all(on: state, of: PCIAddress(bus: 1, slot: 0x10, function: 0)) {
        guard let settings = trial.settings else { continue }
        #expect(settings.missing(from: state) == settings, "\(trial.attribute)")
        let after = VFSettings(state).taking(settings)
        if let most = after.maxTxRate, most != 0 { #expect(after.minTxRate ?? 0 <= most, "\(trial.attribute)") }
      }
    }
  }

  /// Of a pool it is held in libvirt meanwhile, and the baseline stays.
  @Test func aCardOfAPool() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    await host.manager.reconciledInBackground()
    let guest = FakeLibvirt.guest(1, networks: ["sticky"])
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    let before = states(host)
    let test = try await host.manager.selfTest(pf: "enp1s0")
    #expect(test.vf.index == 6 && test.left == nil)
    #expect(states(host) == before)
    let pci = try #require(host.kernel.pci("enp1s0", 6))
    #expect(host.libvirt.state.withLock { $0.calls.count { $0 == "claim \(pci)" } } == 1)
    #expect(host.libvirt.ports("sticky").map(\.vf) == [host.kernel.pci("enp1s0", 0)])
    #expect(host.ledger.contents.holds.isEmpty)
    #expect(host.ledger.contents.baselines[pci] != nil)
  }

  /// Each VF and why it can't be had.
  @Test func noFreeVF() async throws {
    let host = try await FakeHost(kernel: FakeKernel(count: 3))
    let three = FakeHost.sticky.replacing("vfs=\"7\"", with: "vfs=\"3\"")
    _ = try await host.manager.apply(netdef: three, plan: false)
    await host.manager.reconciledInBackground()
    #expect(await host.libvirt.start(FakeLibvirt.guest(1, networks: ["sticky"]), host.manager) == nil)
    _ = try await host.manager.quarantine("enp1s0/1", why: "cable")
    await host.manager.reconciledInBackground()
    host.kernel.change(VFIndex(pf: "enp1s0", index: 2), VFSettings(trust: true))
    let error = await #expect(throws: FlowError.self) { try await host.manager.selfTest(pf: "enp1s0") }
    #expect(error?.code == .refused)
    for text in [
      "enp1s0/0: leased to guest g1", "enp1s0/1: quarantined: cable",
      "enp1s0/2: off its baseline: vfpool vf reset enp1s0/2",
    ] { #expect(error?.message.contains(text) == true, "\(error?.message ?? "")") }
  }

  @Test func whatIsNoCardToTest() async throws {
    let host = try await FakeHost(kernel: FakeKernel(count: 0))
    let missing = await #expect(throws: FlowError.self) { try await host.manager.selfTest(pf: "eth7") }
    #expect(missing?.code == .notFound)
    let empty = await #expect(throws: FlowError.self) { try await host.manager.selfTest(pf: "enp1s0") }
    #expect(empty?.message == "PF enp1s0 has no VF to test; make one: vfpool pf set-vfs enp1s0 1")
    host.kernel.state.withLock { $0.pfs[0].unsupported = "its card is in switchdev mode" }
    await #expect(throws: FlowError.self) { try await host.manager.selfTest(pf: "enp1s0") }
    await host.manager.libvirtDisconnected()
    let alone = await #expect(throws: FlowError.self) { try await host.manager.selfTest(pf: "enp2s0") }
    #expect(alone?.code == .unavailable)
  }

  @Test func aDriverThatCannotDoItAll() async throws {
    let host = try await FakeHost()
    let before = states(host)
    host.kernel.state.withLock { state in
      state.refusal = { settings in
        if settings.trust != nil { return NotOffered("operation not supported") }
        return settings.minTxRate == 50 ? FakeKernel.Failure(description: "invalid argument") : nil
      }
      // It takes the tag, and no priority; a change of the spoof check sets a rate.
      state.effect = { settings in
        var settings = settings
        if case .tagged(let tag)? = settings.vlan { settings.vlan = .tagged(VLANTag(id: tag.id, proto: tag.proto)) }
        if settings.spoofchk == false { settings.maxTxRate = 10 }
        return settings
      }
    }
    let test = try await host.manager.selfTest(pf: "enp1s0")
    let found = Dictionary(test.trials.map { ($0.attribute, $0) }, uniquingKeysWith: { a, _ in a })
    #expect(found["trust"]?.outcome == .unsupported)
    #expect(found["minTxRate"]?.outcome == .refused)
    #expect(found["minTxRate"]?.detail == "invalid argument")
    #expect(found["qos"]?.outcome == .differs)
    #expect(found["qos"]?.detail == "it reads vlan 4000 qos 0 proto 802.1Q")
    #expect(found["spoofchk"]?.outcome == .ok)
    #expect(found["spoofchk"]?.detail == "it changed maxTxRate 10, too")
    #expect(test.left == nil)
    #expect(states(host) == before)
  }

  /// Not every driver takes a zero MAC back: nobody's is as good.
  @Test func aZeroMACThatDoesNotComeBack() async throws {
    let host = try await FakeHost()
    let vf = VFIndex(pf: "enp1s0", index: 6)
    host.kernel.change(vf, VFSettings(mac: MACAddress(value: 0)))
    host.kernel.state.withLock { state in
      state.refusal = { $0.mac?.isZero == true ? FakeKernel.Failure(description: "invalid argument") : nil }
    }
    let test = try await host.manager.selfTest(pf: "enp1s0")
    #expect(test.trials[0].outcome == .ok)
    #expect(test.left == nil)
    let pci = try #require(host.kernel.pci("enp1s0", 6))
    #expect(host.kernel[vf]?.mac == MACAddress(unusedOf: pci))
  }

  /// The kernel writes nothing that comes after a MAC which the driver turns down.
  @Test func whatComesWithAZeroMACIsRestored() async throws {
    let host = try await FakeHost()
    let vf = VFIndex(pf: "enp1s0", index: 2)
    host.kernel.change(vf, VFSettings(mac: MACAddress(value: 0)))
    _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false)
    await host.manager.reconciledInBackground()
    let pci = try #require(host.kernel.pci("enp1s0", 2))
    host.kernel.state.withLock { state in
      state.refusal = { $0.mac?.isZero == true ? FakeKernel.Failure(description: "invalid argument") : nil }
    }
    host.kernel.change(vf, VFSettings(mac: MACAddress(unusedOf: pci), trust: true))
    _ = try await host.manager.resetVF("enp1s0/2", disrupt: [])
    #expect(host.kernel[vf]?.trust == false)
    #expect(host.ledger.contents.quarantines.isEmpty)
  }

  @Test(arguments: [true, false])
  func aVFThatDoesNotComeBackIsQuarantined(isPooled: Bool) async throws {
    let host = try await FakeHost()
    if isPooled { _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false) }
    await host.manager.reconciledInBackground()
    host.kernel.state.withLock { state in
      state.refusal = { $0.trust == false ? FakeKernel.Failure(description: "device is busy") : nil }
    }
    let test = try await host.manager.selfTest(pf: "enp1s0")
    #expect(test.left == "trust off" && test.isQuarantined)
    let trust = try #require(test.trials.first { $0.attribute == "trust" })
    #expect(trust.outcome == .notRestored)
    #expect(trust.detail == "trust off does not come back: device is busy")
    #expect(test.trials.last?.outcome == .notTried)
    let pci = try #require(host.kernel.pci("enp1s0", 6))
    let quarantine = try #require(host.ledger.contents.quarantines[pci])
    #expect(quarantine.why.contains("trust off"))
    #expect(host.ledger.contents.baselines[pci] != nil)
    if isPooled { try await eventually("it is parked") { host.libvirt.ports("sticky").map(\.vf) == [pci] } }
    // It can be brought back once the card lets it.
    host.kernel.state.withLock { $0.refusal = nil }
    _ = try await host.manager.unquarantine("enp1s0/6")
    #expect(host.kernel[VFIndex(pf: "enp1s0", index: 6)]?.trust == false)
  }

  /// vfpoold died in the middle: in no pool, and in one.
  @Test(arguments: [false, true])
  func aTestThatBrokeOff(isPooled: Bool) async throws {
    let host = try await FakeHost()
    if isPooled { _ = try await host.manager.apply(netdef: FakeHost.sticky, plan: false) }
    await host.manager.reconciledInBackground()
    let vf = VFIndex(pf: "enp1s0", index: 6)
    let pci = try #require(host.kernel.pci("enp1s0", 6))
    let before = try #require(host.kernel[vf])
    let hold = Hold(port: "11111111-2222-4333-8444-555555555555", pool: isPooled ? "sticky" : "", vf: pci, guest: nil)
    try await host.ledger.commit([
      .saveBaseline(Baseline(vf: pci, state: before, taken: Timestamp(milliseconds: 1))), .addHold(hold),
    ])
    if isPooled { try await host.libvirt.claim(NetworkPort(hold), in: "sticky") }
    host.kernel.change(vf, VFSettings(mac: MACAddress(trialOf: pci), trust: true))
    let manager = try await host.restarted()
    await manager.libvirtConnected()
    await manager.reconciledInBackground()
    #expect(host.kernel[vf] == before)
    #expect(host.ledger.contents.holds.isEmpty)
    #expect((host.ledger.contents.baselines[pci] != nil) == isPooled)
    #expect(host.libvirt.ports("sticky").isEmpty)
  }
}
