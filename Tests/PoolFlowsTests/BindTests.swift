import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization
import Testing

@testable import PoolFlows

/// What an admin does to MAC bindings.
struct BindTests {
  private static let nic = NICName(pool: "spread", position: 0)

  private static func mac(_ last: UInt8) -> MACAddress { MACAddress(value: 0x5254_00aa_0000 | UInt64(last)) }

  private static func request(_ guest: String, _ mac: MACAddress?, nic: NICName = nic) -> MACRequest {
    MACRequest(guest: guest, nic: nic, mac: mac)
  }

  private static func entries(_ requests: MACRequest...) -> [MACImportEntry] {
    requests.enumerated().map { MACImportEntry(line: $0.offset + 1, request: .success($0.element)) }
  }

  private func host(_ netdef: String = FakeHost.spread) async throws -> FakeHost {
    let host = try await FakeHost()
    _ = try await host.manager.apply(netdef: netdef, plan: false)
    return host
  }

  private func refusal(_ body: () async throws -> Void) async -> FlowError? {
    do {
      try await body()
      return nil
    } catch { return error as? FlowError }
  }

  @Test func guestMayBeDefinedOrNot() async throws {
    let host = try await host()
    let guest = FakeLibvirt.guest(1, networks: ["spread", "spread"])
    await host.libvirt.define(guest, host.manager)
    let second = NICName(pool: "spread", position: 1)
    for (name, nic) in [("g1", Self.nic), (guest.guest.uuid, second)] {
      let outcome = try await host.manager.bindMAC(Self.request(name, nil, nic: nic))
      #expect(outcome.binding.guest == BoundGuest(guest.guest))
      #expect(outcome.binding.mac == guest.nics[nic.position].mac)
      #expect(outcome.notes.isEmpty)
    }
    let outcome = try await host.manager.bindMAC(Self.request("later", Self.mac(9)))
    let since = try #require(outcome.binding.since)
    #expect(
      outcome.binding
        == MACBinding(
          guest: BoundGuest(name: "later", uuid: nil), pool: "spread", nic: 0, mac: Self.mac(9), since: since))
    #expect(host.ledger.contents.bindings.count == 3)
    let unknown = await refusal { _ = try await host.manager.bindMAC(Self.request(FakeLibvirt.uuid(99), nil)) }
    #expect(unknown?.code == .notFound)
  }

  @Test func withoutAMACTheOneThatIsBoundStays() async throws {
    let host = try await host()
    let first = try await host.manager.bindMAC(Self.request("later", nil))
    let second = try await host.manager.bindMAC(Self.request("later", nil))
    let other = try await host.manager.bindMAC(Self.request("other", nil))
    #expect(first == second)
    #expect(other.binding.mac != first.binding.mac)
  }

  @Test func definitionWithAnotherMACIsTold() async throws {
    let host = try await host()
    await host.libvirt.define(FakeLibvirt.guest(1, networks: ["spread"], mac: Self.mac(1)), host.manager)
    let outcome = try await host.manager.bindMAC(Self.request("g1", Self.mac(2)))
    #expect(outcome.notes.count == 1)
    #expect(outcome.notes.first?.contains("\(Self.mac(1))") == true)
    #expect(outcome.notes.first?.contains("virsh edit g1") == true)
    let third = NICName(pool: "spread", position: 2)
    let absent = try await host.manager.bindMAC(Self.request("g1", Self.mac(3), nic: third))
    #expect(absent.notes.first?.contains("1 NICs of pool spread") == true)
    #expect(host.libvirt.definition(uuid: FakeLibvirt.uuid(1))?.nics.map(\.mac) == [Self.mac(1)])
  }

  @Test func poolThatKeepsMACsWritesIt() async throws {
    let host = try await host(FakeHost.keep)
    await host.libvirt.define(FakeLibvirt.guest(1, networks: ["keep"], mac: Self.mac(1)), host.manager)
    let nic = NICName(pool: "keep", position: 0)
    host.libvirt.state.withLock { _ = $0.failing.insert("setMACs") }
    let late = try await host.manager.bindMAC(Self.request("g1", Self.mac(2), nic: nic))
    #expect(late.notes.first?.contains("could not be written") == true)
    #expect(late.binding.isOwed)
    host.libvirt.state.withLock { $0.failing = [] }
    let outcome = try await host.manager.bindMAC(Self.request("g1", Self.mac(2), nic: nic))
    #expect(outcome.notes.isEmpty && !outcome.binding.isOwed)
    #expect(host.libvirt.definition(uuid: FakeLibvirt.uuid(1))?.nics.map(\.mac) == [Self.mac(2)])
  }

  @Test func refusals() async throws {
    let host = try await host()
    let guest = FakeLibvirt.guest(1, networks: ["spread"], mac: Self.mac(1))
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    _ = try await host.manager.bindMAC(Self.request("later", Self.mac(2)))
    let cases: [(MACRequest, FlowError.Code, [String])] = [
      (Self.request("db", .zero), .invalid, ["00:00:00:00:00:00"]),
      (Self.request("db", MACAddress(value: 0x0100_5e00_0001)), .invalid, ["multicast"]),
      (
        Self.request("db", Self.mac(3), nic: NICName(pool: "nope", position: 0)), .notFound, ["no pool nope", "spread"]
      ),
      (Self.request("db", Self.mac(2)), .refused, ["guest later", "guest db", "vfpool mac unbind later spread/0"]),
      (Self.request("db", Self.mac(1)), .refused, ["guest g1", "guest db"]),
      (Self.request("g1", Self.mac(3)), .refused, ["guest g1 runs with \(Self.mac(1))", "stop the guest"]),
    ]
    let before = host.ledger.contents
    for (request, code, parts) in cases {
      let error = await refusal { _ = try await host.manager.bindMAC(request) }
      #expect(error?.code == code, "\(request)")
      for part in parts { #expect(error?.message.contains(part) == true, "\(part) in \(error?.message ?? "nothing")") }
    }
    #expect(host.ledger.contents == before)
    // One guest may have a MAC on two NICs, and what runs may be bound.
    let second = NICName(pool: "spread", position: 1)
    _ = try await host.manager.bindMAC(Self.request("g1", Self.mac(1), nic: second))
    _ = try await host.manager.bindMAC(Self.request("g1", Self.mac(1)))
  }

  /// The ledger's binding may have gone while the guest runs.
  @Test func macThatRunsElsewhereIsRefusedWithoutABinding() async throws {
    let host = try await host()
    #expect(await host.libvirt.start(FakeLibvirt.guest(1, networks: ["spread"], mac: Self.mac(1)), host.manager) == nil)
    try await host.manager.commit(host.ledger.contents.bindings.keys.map { .unbind($0) })
    let error = await refusal { _ = try await host.manager.bindMAC(Self.request("db", Self.mac(1))) }
    #expect(error?.message.contains("guest g1 runs with \(Self.mac(1)) on enp1s0/0, so guest db") == true)
  }

  @Test func unbinding() async throws {
    let host = try await host()
    let guest = FakeLibvirt.guest(1, networks: ["spread", "spread"])
    #expect(await host.libvirt.start(guest, host.manager) == nil)
    let running = await refusal { _ = try await host.manager.unbindMACs(ofGuest: "g1", nic: nil) }
    #expect(running?.code == .refused)
    #expect(running?.message.contains("stop the guest first") == true)
    await host.libvirt.stop(guest.guest, host.manager)
    #expect(try await host.manager.unbindMACs(ofGuest: "g1", nic: Self.nic).map(\.nic) == [0])
    let missing = await refusal { _ = try await host.manager.unbindMACs(ofGuest: "g1", nic: Self.nic) }
    #expect(missing?.code == .notFound)
    #expect(try await host.manager.unbindMACs(ofGuest: guest.guest.uuid, nic: nil).map(\.nic) == [1])
    #expect(host.ledger.contents.bindings.isEmpty)
    _ = try await host.manager.bindMAC(Self.request("later", nil))
    #expect(try await host.manager.unbindMACs(ofGuest: "later", nic: nil).count == 1)
  }

  @Test func importBindsAllInOneTransaction() async throws {
    let host = try await host()
    _ = try await host.manager.bindMAC(Self.request("a", Self.mac(1)))
    _ = try await host.manager.bindMAC(Self.request("b", Self.mac(2)))
    // Two change their MACs, a third comes, and what is so already is no step.
    let list = Self.entries(
      Self.request("a", Self.mac(2)), Self.request("b", Self.mac(1)), Self.request("c", Self.mac(3)))
    let plan = try await host.manager.importMACs(list, plan: true)
    #expect(
      plan.steps == [
        "bind \(Self.mac(2)) to NIC spread/0 of guest a, which had \(Self.mac(1))",
        "bind \(Self.mac(1)) to NIC spread/0 of guest b, which had \(Self.mac(2))",
        "bind \(Self.mac(3)) to NIC spread/0 of guest c",
      ])
    await host.manager.reconciledInBackground()
    let commits = host.ledger.state.withLock(\.commits)
    let done = try await host.manager.importMACs(list, plan: false, ifPlan: plan.token)
    #expect(done.done)
    #expect(host.ledger.state.withLock(\.commits) == commits + 1)
    let macs = host.ledger.contents.bindings.values.sorted { $0.guest.name < $1.guest.name }.map(\.mac)
    #expect(macs == [Self.mac(2), Self.mac(1), Self.mac(3)])
    #expect(try await host.manager.importMACs(list, plan: true).steps.isEmpty)
    let stale = await refusal { _ = try await host.manager.importMACs(list, plan: false, ifPlan: plan.token) }
    #expect(stale?.code == .refused)
  }

  @Test func importTellsEveryMistakeAndBindsNothing() async throws {
    let host = try await host()
    _ = try await host.manager.bindMAC(Self.request("a", Self.mac(1)))
    let before = host.ledger.contents
    var list = Self.entries(
      Self.request("b", Self.mac(1)), Self.request("c", Self.mac(2)), Self.request("c", Self.mac(3)),
      Self.request("d", Self.mac(2)), Self.request("e", .zero), Self.request("f", Self.mac(6)))
    list.append(MACImportEntry(line: 9, request: .failure(FlowError(.invalid, "not a line"))))
    let error = await refusal { _ = try await host.manager.importMACs(list, plan: false) }
    let lines = error?.message.split(separator: "\n").map(String.init) ?? []
    let places = lines.map { line in String(line.prefix { $0 != ":" }) }
    #expect(places == ["line 1", "line 2", "line 3", "line 4", "line 5", "line 9"])
    #expect(lines.first?.contains("guest a") == true && lines.first?.contains("guest b") == true)
    #expect(lines.dropFirst().first?.contains("guest d in line 4") == true)
    #expect(host.ledger.contents == before)
  }

  @Test func importFromAnotherHostGoesByNameWhereItCan() async throws {
    let host = try await host()
    let guest = FakeLibvirt.guest(1, networks: ["spread"], mac: Self.mac(1))
    await host.libvirt.define(guest, host.manager)
    var here = Self.request("g1", Self.mac(1))
    here.guestUUID = FakeLibvirt.uuid(71)
    var elsewhere = Self.request("g2", Self.mac(2))
    elsewhere.guestUUID = FakeLibvirt.uuid(72)
    _ = try await host.manager.importMACs(Self.entries(here, elsewhere), plan: false)
    let guests = host.ledger.contents.bindings.values.map(\.guest).sorted { $0.name < $1.name }
    #expect(guests == [BoundGuest(guest.guest), BoundGuest(name: "g2", uuid: FakeLibvirt.uuid(72))])
  }

  /// Pool and guest may be gone, and another guest may have the name.
  @Test func whatWasListedHereChangesNothing() async throws {
    let host = try await host()
    for number in [1, 2] {
      var guest = FakeLibvirt.guest(number, networks: ["spread"])
      guest.guest.name = "same"
      #expect(await host.libvirt.start(guest, host.manager) == nil)
      await host.libvirt.stop(guest.guest, host.manager)
    }
    _ = try await host.manager.bindMAC(Self.request("later", nil))
    _ = try await host.manager.removePool("spread", plan: false)
    let bindings = host.ledger.contents.bindings.values.sorted { $0.mac.value < $1.mac.value }
    let list = bindings.enumerated().map { line, binding in
      MACImportEntry(
        line: line,
        request: .success(
          MACRequest(
            guest: binding.guest.name, guestUUID: binding.guest.uuid, nic: binding.nicName, mac: binding.mac)))
    }
    #expect(list.count == 3)
    #expect(try await host.manager.importMACs(list, plan: true).steps.isEmpty)
  }
}
