import LibvirtXML
import PoolModel

extension PoolManager.Neighbours {
  /// The same host, of which nothing can be changed, with a ledger in memory alone: for as long as the real one can't be
  /// used. `why`: in words, for whoever asks for a change.
  public func readOnly(_ why: String) -> PoolManager.Neighbours {
    var result = self
    result.links = ReadOnlyLinks(inner: links, why: why)
    result.networks = ReadOnlyNetworks(inner: networks, why: why)
    result.guests = ReadOnlyGuests(inner: guests, why: why)
    result.devices = ReadOnlyDevices(inner: devices, why: why)
    result.ledger = MemoryLedger()
    return result
  }
}

private protocol ReadOnly: Sendable {
  var why: String { get }
}

extension ReadOnly {
  func refuse() -> FlowError { FlowError(.unavailable, "nothing is changed: \(why)") }
}

private struct ReadOnlyLinks: Links, ReadOnly {
  let inner: any Links
  let why: String

  func inventory(counters: Bool) async throws -> HostInventory { try await inner.inventory(counters: counters) }
  func read(_ vf: VFIndex) async throws -> VFState { try await inner.read(vf) }
  func states(of pf: String) async throws -> [Int: VFState] { try await inner.states(of: pf) }
  func write(_ changes: [(vf: VFIndex, settings: VFSettings)]) async throws -> [(any Error)?] { throw refuse() }
  func setVFCount(_ count: Int, pf: String) async throws { throw refuse() }
  func resetFunction(_ vf: PCIAddress) async throws -> Bool { throw refuse() }
  func countWriters(of pf: PF) async throws -> [String] { try await inner.countWriters(of: pf) }
  // What is saved is of the ledger that can't be read.
  func savedCounts() async throws -> [OwnVFCount] { [] }
  func saveOwnCounts(_ counts: [OwnVFCount]) async throws { throw refuse() }
  func driver(of vf: PCIAddress) async throws -> String? { try await inner.driver(of: vf) }
}

private struct ReadOnlyNetworks: Networks, ReadOnly {
  let inner: any Networks
  let why: String

  func hostdevNetworks() async throws -> [NetworkFacts] { try await inner.hostdevNetworks() }
  func networkNames() async throws -> [String] { try await inner.networkNames() }
  func ports(of network: String) async throws -> [NetworkPort] { try await inner.ports(of: network) }
  func claim(_ port: NetworkPort, in network: String) async throws { throw refuse() }
  func drop(port uuid: String, in network: String) async throws { throw refuse() }
  func define(xml: String) async throws -> String { throw refuse() }
  func clearCounts(of network: String) async throws { throw refuse() }
  func setAutostart(_ on: Bool, network: String) async throws { throw refuse() }
  func start(network: String) async throws { throw refuse() }
  func stop(network: String) async throws { throw refuse() }
  func undefine(network: String) async throws { throw refuse() }
}

private struct ReadOnlyGuests: Guests, ReadOnly {
  let inner: any Guests
  let why: String

  func running() async throws -> [GuestDescription] { try await inner.running() }
  func definition(of guest: String) async throws -> GuestDescription? { try await inner.definition(of: guest) }
  func defined() async throws -> [GuestID] { try await inner.defined() }
  func setMACs(
    ofGuest uuid: String, _ macs: @escaping @Sendable (GuestDescription) -> [Int: MACAddress]
  ) async throws -> Bool { throw refuse() }
  func addToDefinition(
    ofGuest uuid: String, _ devices: @escaping @Sendable (GuestDocument) throws -> [String]
  ) async throws -> Bool { throw refuse() }
  func all() async throws -> [GuestState] { try await inner.all() }
  func guest(_ name: String) async throws -> GuestState? { try await inner.guest(name) }
  func attach(_ device: String, to guest: String, _ scope: GuestScope) async throws { throw refuse() }
  func detach(_ device: String, from guest: String, _ scope: GuestScope) async throws { throw refuse() }
}

private struct ReadOnlyDevices: Devices, ReadOnly {
  let inner: any Devices
  let why: String

  func inventory() async throws -> DeviceInventory { try await inner.inventory() }
  func names(of devices: [PCIIDs]) async -> PCINames { await inner.names(of: devices) }
  func users(of nodes: Set<String>) async -> [String: [String]] { await inner.users(of: nodes) }
  func facts(of device: PCIAddress) async throws -> NodeDevice? { try await inner.facts(of: device) }
  func detach(_ device: PCIAddress) async throws { throw refuse() }
  func reattach(_ device: PCIAddress) async throws { throw refuse() }
  func reset(_ device: PCIAddress) async throws { throw refuse() }
}

/// What is met while the ledger can't be used, for as long as vfpoold runs.
private struct MemoryLedger: Ledger {
  func load() async throws -> LedgerContents { LedgerContents() }
  func commit(_ changes: [LedgerChange], done: @escaping @Sendable (Result<Void, any Error>) -> Void) {
    done(.success(()))
  }
  func history(_ filter: HistoryFilter) async throws -> [ClosedLease] { [] }
}

extension Drift {
  /// Whether its repair changes only what vfpoold remembers.
  var isOnlyNoted: Bool {
    switch self {
    case .unknownNetwork, .networkGone, .poolChanged, .portWithoutLease, .startMissed, .leaseWithoutGuest,
      .returnMissed:
      true
    default: false
    }
  }
}
