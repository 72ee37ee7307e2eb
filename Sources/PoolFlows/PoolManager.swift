import LibvirtXML
import Logging
import PoolModel

/// The one place that decides: which VF a guest gets, what is written to it, when it is back.
///
/// Its flows are in extensions by the part of the story they tell: `+Prepare`, `+HandOut`, `+Return`, `+Apply`,
/// `+Reconcile`.
/// Memory (`contents`) is changed first, then the ledger, and nothing else happens before the ledger has it.
public actor PoolManager {
  /// Everything around the flows, behind protocols.
  public struct Neighbours: Sendable {
    public var links: any Links
    public var networks: any Networks
    public var guests: any Guests
    public var ledger: any Ledger
    public var now: @Sendable () -> Timestamp
    /// 128 random bits as a UUID, for ports that are ours.
    public var newUUID: @Sendable () -> String

    public init(
      links: any Links, networks: any Networks, guests: any Guests, ledger: any Ledger,
      now: @escaping @Sendable () -> Timestamp, newUUID: @escaping @Sendable () -> String
    ) {
      self.links = links
      self.networks = networks
      self.guests = guests
      self.ledger = ledger
      self.now = now
      self.newUUID = newUUID
    }
  }

  let links: any Links
  let networks: any Networks
  let guests: any Guests
  let ledger: any Ledger
  let now: @Sendable () -> Timestamp
  let newUUID: @Sendable () -> String
  let bootID: String
  let log: Logger
  /// How long a passed prepare may keep its turn before the next is served.
  let turnLimit: Duration

  var contents = LedgerContents()
  var inventory = HostInventory()
  /// libvirt's ports by UUID, as hooks and reconciling tell them.
  var ports: [String: NetworkPort] = [:]
  enum PortChange { case born, ended }
  /// What hooks told of ports since reconciling last began to read them.
  var portsSinceRead: [String: PortChange] = [:]
  /// libvirt's hostdev networks by name.
  var facts: [String: NetworkFacts] = [:]
  /// UUIDs of the running guests, as events and reconciling tell them: hooks can't ask, domain calls wait for them.
  var runningGuests: Set<String> = []
  /// Whether `runningGuests` is complete: reconciling has read it on this connection.
  var guestsAreKnown = false
  /// What events told since reconciling last began to read: whether a guest runs.
  var guestsSinceRead: [String: Bool] = [:]
  var turns = Turns()
  /// False after `vfpool disable`, until libvirt's daemon is restarted, as `vfpool enable` does.
  var mayHold = true
  public internal(set) var isConnected = false
  /// By subject, so that each is told once and goes when it is mended.
  var problems: [String: String] = [:]
  /// The last of what is done one after the other.
  private var tail: Task<Void, Never>?
  var backgroundReconcile: Task<Void, Never>?
  var reconcileWanted = false
  /// What memory took while the ledger is read again; nil = it isn't.
  private var sinceReload: [LedgerChange]?

  public init(_ neighbours: Neighbours, bootID: String, log: Logger, turnLimit: Duration = .seconds(4)) {
    links = neighbours.links
    networks = neighbours.networks
    guests = neighbours.guests
    ledger = neighbours.ledger
    now = neighbours.now
    newUUID = neighbours.newUUID
    self.bootID = bootID
    self.log = log
    self.turnLimit = turnLimit
  }

  /// Reads the ledger and the host, and closes what an earlier boot left open. libvirt isn't needed.
  public func load() async throws {
    contents = try await ledger.load()
    let stale = contents.leases.values.filter { $0.bootID != bootID }
    var changes: [LedgerChange] = stale.sorted { $0.id < $1.id }
      .map { .closeLease(id: $0.id, until: now(), reason: "host rebooted") }
    if !stale.isEmpty || contents.leases.isEmpty {
      // libvirt's ports don't outlive a boot; without any lease of this boot the holds are of an earlier one.
      changes += contents.holds.keys.sorted().map { .dropHold(port: $0) }
      changes += contents.quarantines.values.filter { $0.port != nil }
        .map { .quarantine(Quarantine(vf: $0.vf, why: $0.why, since: $0.since)) }
    }
    if !changes.isEmpty { try await commit(changes) }
    await refreshInventory()
  }

  /// Reads PFs and VFs anew; false, and keeps what it knows, when that fails.
  @discardableResult
  func refreshInventory(counters: Bool = false) async -> Bool {
    do {
      inventory = try await links.inventory(counters: counters)
      problems["inventory"] = inventory.problems.isEmpty ? nil : inventory.problems.joined(separator: "; ")
      return true
    } catch {
      problems["inventory"] = "can't read the host's network cards: \(error)"
      log.error("inventory failed", metadata: ["error": "\(error)"])
      return false
    }
  }

  /// Runs what compares or changes whole pools, one after the other: reconciling must not see a pool half applied or
  /// half removed. Never called from within `body`.
  func alone<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
    let previous = tail
    let task = Task {
      await previous?.value
      return try await body()
    }
    tail = Task { _ = await task.result }
    return try await task.value
  }

  // MARK: The ledger

  /// One transaction; returns when it is durable. On an error memory is what the ledger has.
  func commit(_ changes: [LedgerChange]) async throws {
    take(changes)
    do {
      try await ledger.commit(changes)
      problems["ledger"] = nil
    } catch {
      await reload(after: error)
      throw FlowError(.failed, "the ledger can't be written, so nothing was changed: \(error)")
    }
  }

  /// One transaction in its place in the order, without waiting: for what only records what has happened.
  func commitLater(_ changes: [LedgerChange]) {
    guard !changes.isEmpty else { return }
    take(changes)
    ledger.commit(changes) { [weak self] result in
      guard case .failure(let error) = result else { return }
      Task { await self?.reload(after: error) }
    }
  }

  private func take(_ changes: [LedgerChange]) {
    for change in changes { contents.apply(change) }
    sinceReload?.append(contentsOf: changes)
  }

  /// Memory is ahead of the ledger: takes what the ledger has, and what was committed while that was read.
  private func reload(after error: any Error) async {
    problems["ledger"] = "the ledger can't be written: \(error)"
    log.error("ledger write failed", metadata: ["error": "\(error)"])
    guard sinceReload == nil else { return }
    sinceReload = []
    if let stored = try? await ledger.load() {
      contents = stored
      for change in sinceReload ?? [] { contents.apply(change) }
    }
    sinceReload = nil
    reconcileSoon()
  }

  // MARK: Who has what

  /// The open lease that has a VF; the furthest one, should one be recorded while another is being returned.
  func lease(holding vf: PCIAddress) -> Lease? {
    contents.leases.values.filter { $0.vf == vf && $0.state.holdsVF }
      .max { ($0.state != .recorded ? 1 : 0, $0.id) < ($1.state != .recorded ? 1 : 0, $1.id) }
  }

  func leases(of guestUUID: String) -> [Lease] {
    contents.leases.values.filter { $0.guest.uuid == guestUUID }.sorted { $0.id < $1.id }
  }

  /// The standing of each of the VFs, in their order.
  func standings(of vfs: [PCIAddress]) -> [VFStanding] {
    var leased: [PCIAddress: Lease] = [:]
    for lease in contents.leases.values.sorted(by: { $0.id < $1.id }) where lease.state.holdsVF {
      guard let vf = lease.vf else { continue }
      if let other = leased[vf], other.state != .recorded, lease.state == .recorded { continue }
      leased[vf] = lease
    }
    let byPCI = Dictionary(inventory.vfs.compactMap { vf in vf.pci.map { ($0, vf) } }, uniquingKeysWith: { a, _ in a })
    let parked = Dictionary(
      contents.holds.values.filter { $0.guest == nil }.map { ($0.vf, $0) }, uniquingKeysWith: { a, _ in a })
    var foreign: [PCIAddress: String] = [:]
    for port in ports.values where !port.isHold {
      if let vf = port.vf { foreign[vf] = port.owner.name }
    }
    return vfs.map { vf in
      if let lease = leased[vf] { return .leased(lease) }
      if let quarantine = contents.quarantines[vf] { return .quarantined(quarantine) }
      if let owner = foreign[vf] { return .foreign(owner) }
      guard let found = byPCI[vf] else { return .gone }
      if let use = found.hostUse { return .hostUsed(use) }
      if parked[vf] != nil { return .reserved("parked") }
      return .free
    }
  }

  func notePort(_ port: NetworkPort) {
    ports[port.uuid] = port
    portsSinceRead[port.uuid] = .born
  }

  func forgetPort(_ uuid: String) {
    ports[uuid] = nil
    portsSinceRead[uuid] = .ended
  }

  func claimedVFs() -> Set<PCIAddress> { Set(ports.values.compactMap(\.vf)) }

  /// The VLAN tag id that libvirt puts on a NIC; nil = none.
  func vlanID(_ pool: Pool, portgroup: String?) -> UInt16? { pool.vlan(portgroup: portgroup)?.id }
}
