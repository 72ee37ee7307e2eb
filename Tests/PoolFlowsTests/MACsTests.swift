import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

/// Guests that are defined anew get their MACs back.
struct MACsTests {
  private static let bound = FakeLibvirt.guest(1, networks: ["keep"])
  private static let mac = bound.nics[0].mac
  private static let otherMAC = MACAddress(value: 0x5254_00ff_0001)

  /// `bound` as an admin defines it anew: libvirt makes up its MAC.
  private static func anew(uuid: String = bound.guest.uuid, networks: [String] = ["keep"]) -> GuestDescription {
    var guest = FakeLibvirt.guest(1, networks: networks, mac: otherMAC)
    guest.guest.uuid = uuid
    return guest
  }

  /// A host where `bound` ran once and is undefined now.
  private func host(_ netdef: String = FakeHost.keep) async throws -> FakeHost {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: netdef, plan: false)
    await host.libvirt.define(Self.bound, host.manager)
    #expect(await host.libvirt.start(Self.bound, host.manager) == nil)
    await host.libvirt.stop(Self.bound.guest, host.manager)
    host.libvirt.undefine(Self.bound.guest)
    return host
  }

  private func macs(_ host: FakeHost, _ uuid: String = bound.guest.uuid) -> [MACAddress?]? {
    host.libvirt.definition(uuid: uuid)?.nics.map(\.mac)
  }

  private func writes(_ host: FakeHost) -> Int {
    host.libvirt.state.withLock { $0.calls.count { $0.hasPrefix("setMACs") } }
  }

  @Test func definedAnewHasItsMAC() async throws {
    let host = try await host()
    await host.libvirt.define(Self.anew(), host.manager)
    #expect(macs(host) == [Self.mac])
    #expect(writes(host) == 1)
    let binding = try #require(host.ledger.contents.bindings.values.first)
    #expect(binding.mac == Self.mac && !binding.isOwed && host.ledger.contents.bindings.count == 1)
  }

  @Test func itsLastVFAndItsMACGoToAnotherUUID() async throws {
    let host = try await host()
    let before = try #require(host.ledger.contents.bindings.values.first)
    await host.libvirt.define(Self.anew(uuid: FakeLibvirt.uuid(50)), host.manager)
    #expect(macs(host, FakeLibvirt.uuid(50)) == [Self.mac])
    var after = before
    after.guest.uuid = FakeLibvirt.uuid(50)
    // It is another guest's from then on.
    after.since = host.ledger.contents.bindings[after.key]?.since
    #expect(try #require(after.since) > #require(before.since))
    #expect(host.ledger.contents.bindings == [after.key: after])
  }

  /// It was renamed, or it runs without a definition: its MACs are its own.
  @Test(arguments: [true, false]) func namesakeThatIsStillThereKeepsItsMAC(isRenamed: Bool) async throws {
    let host = try await host()
    if isRenamed {
      var renamed = Self.bound
      renamed.guest.name = "renamed"
      await host.libvirt.define(renamed, host.manager)
    } else {
      host.libvirt.state.withLock { $0.running[Self.bound.guest.uuid] = Self.bound }
      await host.manager.guestStarted(Self.bound.guest.uuid)
    }
    await host.libvirt.define(Self.anew(uuid: FakeLibvirt.uuid(50)), host.manager)
    #expect(macs(host, FakeLibvirt.uuid(50)) == [Self.otherMAC])
    #expect(host.ledger.contents.bindings.values.map(\.guest.uuid) == [Self.bound.guest.uuid])
  }

  @Test func changedDefinitionIsTheAdminsWish() async throws {
    let host = try await host()
    await host.libvirt.define(Self.bound, host.manager)
    await host.libvirt.define(Self.anew(), host.manager)
    #expect(macs(host) == [Self.otherMAC])
    #expect(writes(host) == 0)
    #expect(await host.libvirt.start(Self.anew(), host.manager) == nil)
    #expect(host.ledger.contents.bindings.values.map(\.mac) == [Self.otherMAC])
  }

  @Test(arguments: [
    FakeHost.keep.replacing(" mac=\"keep\"", with: ""),
    "<network><name>keep</name><forward mode='hostdev' managed='yes'><pf dev='enp1s0'/></forward></network>",
  ])
  func withoutKeepNothingIsWritten(netdef: String) async throws {
    let host = try await host(netdef)
    await host.libvirt.define(Self.anew(), host.manager)
    #expect(macs(host) == [Self.otherMAC])
    #expect(writes(host) == 0)
  }

  @Test func onlyNICsOfThePoolWithAnotherMACAreWritten() async throws {
    let host = try await host()
    var guest = Self.anew(networks: ["other", "keep", "keep"])
    await host.libvirt.define(guest, host.manager)
    #expect(macs(host) == [Self.otherMAC, Self.mac, Self.otherMAC])
    host.libvirt.undefine(guest.guest)
    guest.nics[1].mac = Self.mac
    await host.libvirt.define(guest, host.manager)
    #expect(writes(host) == 1)
    #expect(host.ledger.contents.bindings.values.allSatisfy { !$0.isOwed })
  }

  @Test func whatLibvirtDidNotTakeIsWrittenLater() async throws {
    let host = try await host()
    host.libvirt.state.withLock { _ = $0.failing.insert("setMACs") }
    await host.libvirt.define(Self.anew(), host.manager)
    #expect(macs(host) == [Self.otherMAC])
    #expect(host.ledger.contents.bindings.values.allSatisfy { $0.isOwed })
    let plan = try await host.manager.reconcile(plan: true)
    #expect(plan.drifts == [.macsOwed(Self.bound.guest)])
    host.libvirt.state.withLock { $0.failing = [] }
    let report = try await host.manager.reconcile(plan: false)
    #expect(report.failures.isEmpty)
    #expect(macs(host) == [Self.mac])
    #expect(try await host.manager.reconcile(plan: true).drifts.isEmpty)
  }

  /// libvirt doesn't wait for the definition to be written.
  @Test func guestThatStartsBeforeItWasWrittenHasItsMACNextTime() async throws {
    let host = try await host()
    host.libvirt.state.withLock { _ = $0.failing.insert("setMACs") }
    await host.libvirt.define(Self.anew(), host.manager)
    #expect(await host.libvirt.start(Self.anew(), host.manager) == nil)
    let lease = try #require(host.ledger.contents.leases.values.first)
    #expect(lease.mac == Self.otherMAC)
    let binding = try #require(host.ledger.contents.bindings.values.first)
    #expect(binding.mac == Self.mac && binding.isOwed && binding.lastVF == lease.vf)
    host.libvirt.state.withLock { $0.failing = [] }
    _ = try await host.manager.reconcile(plan: false)
    #expect(macs(host) == [Self.mac])
    let state = try #require(lease.vfIndex.flatMap { host.kernel[$0] })
    #expect(state.mac == Self.otherMAC)
  }

  @Test func definedWhileVfpooldWasAway() async throws {
    let host = try await host()
    let guest = Self.anew(uuid: FakeLibvirt.uuid(50))
    host.libvirt.state.withLock { $0.defined = [guest] }
    let manager = try await host.restarted()
    await manager.libvirtConnected()
    await manager.reconciledInBackground()
    #expect(macs(host, guest.guest.uuid) == [Self.mac])
    #expect(host.ledger.contents.bindings.values.map(\.guest.uuid) == [guest.guest.uuid])
  }

  @Test func whatIsBoundByNameGoesBeforeWhatAnEarlierGuestHad() async throws {
    let host = try await host()
    let nic = NICName(pool: "keep", position: 0)
    let promised = try #require(MACAddress("52:54:00:aa:00:09"))
    let outcome = try await host.manager.bindMAC(MACRequest(guest: "g1", nic: nic, mac: promised))
    #expect(outcome.binding.guest == BoundGuest(name: "g1", uuid: nil))
    #expect(host.ledger.contents.bindings.count == 1)
    await host.libvirt.define(Self.anew(), host.manager)
    #expect(macs(host) == [promised])
    #expect(host.ledger.contents.bindings.values.map(\.guest) == [BoundGuest(Self.bound.guest)])
  }

  /// As `virsh create` does it.
  @Test func guestThatStartsUndefinedTakesWhatIsBoundByName() async throws {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: FakeHost.spread, plan: false)
    let guest = FakeLibvirt.guest(1, networks: ["spread"])
    let nic = NICName(pool: "spread", position: 0)
    _ = try await host.manager.bindMAC(MACRequest(guest: "g1", nic: nic, mac: guest.nics[0].mac))
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    let bindings = host.ledger.contents.bindings
    #expect(bindings.values.map(\.guest) == [BoundGuest(guest.guest)])
    #expect(bindings.values.first?.mac == guest.nics[0].mac)
  }

  @Test func strangersCostNothing() async throws {
    let host = try await host()
    await host.manager.reconciledInBackground()
    let commits = host.ledger.state.withLock(\.commits)
    await host.libvirt.define(FakeLibvirt.guest(2, networks: ["keep"]), host.manager)
    #expect(host.ledger.state.withLock(\.commits) == commits)
    #expect(writes(host) == 0)
  }

  @Test func newMACsHaveThePrefixAndAreNobodys() async throws {
    let host = try await host()
    let mac = try await host.manager.newMAC()
    #expect(mac.description.hasPrefix("52:54:00:"))
    #expect(mac != Self.mac)
  }
}
