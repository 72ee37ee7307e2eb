import LibvirtXML
import Logging
import PoolModel

/// The one place that decides: which VF a guest gets, what is written to it, when it is back.
///
/// Its flows are in extensions by the part of the story they tell: `+Prepare`, `+Placement`, `+HandOut`, `+Return`,
/// `+Attach`, `+Detach`, `+Guests`, `+Apply`, `+Reconcile`, `+Watch`, `+Devices`, `+MACs`, `+MACClashes`, `+Bind`, `+SelfTest`.
/// Memory (`contents`) is changed first, then the ledger, and nothing else happens before the ledger has it: what is
/// about to be done in the kernel or in libvirt, and what undoes it, is durable first (`commit`). What only tells of
/// something done is recorded behind it (`commitLater`): libvirt's pick of the VF that was chosen, a guest's start, a VF
/// that is back at its baseline, a hold that is dropped. Killed in between, vfpoold finds the difference when it
/// reconciles. Each flow can be done once more, from any point at which it was left.
public actor PoolManager {
  /// Everything around the flows, behind protocols.
  public struct Neighbours: Sendable {
    public var links: any Links
    public var networks: any Networks
    public var guests: any Guests
    public var devices: any Devices
    public var ledger: any Ledger
    /// Nil: the host is in no fleet.
    public var fleet: (any FleetSpace)?
    public var now: @Sendable () -> Timestamp
    /// 128 random bits as a UUID, for ports that are ours.
    public var newUUID: @Sendable () -> String

    public init(
      links: any Links, networks: any Networks, guests: any Guests, devices: any Devices, ledger: any Ledger,
      fleet: (any FleetSpace)? = nil, now: @escaping @Sendable () -> Timestamp,
      newUUID: @escaping @Sendable () -> String
    ) {
      self.links = links
      self.networks = networks
      self.guests = guests
      self.devices = devices
      self.ledger = ledger
      self.fleet = fleet
      self.now = now
      self.newUUID = newUUID
    }
  }

  let links: any Links
  let networks: any Networks
  let guests: any Guests
  let devices: any Devices
  let ledger: any Ledger
  let fleet: (any FleetSpace)?
  let now: @Sendable () -> Timestamp
  let newUUID: @Sendable () -> String
  let bootID: String
  let log: Logger
  /// How long a passed prepare may keep its turn before the next is served.
  let turnLimit: Duration
  let watchPatience: WatchPatience
  /// So many VFs of one PF are quarantined at most; 0 = any number.
  let quarantineLimit: Int
  /// What generated MACs begin with.
  let macPrefix: MACPrefix
  /// Why the ledger can't be used at all, in words: then nothing is changed, and what is met is only remembered.
  let unusableLedger: String?

  var contents = LedgerContents()
  var inventory = HostInventory()
  /// libvirt's ports by UUID, as hooks and reconciling tell them.
  var ports = PortTable()
  enum PortChange { case born, ended }
  /// What hooks told of ports since reconciling last began to read them.
  var portsSinceRead: [String: PortChange] = [:]
  /// Ports of leases whose guest doesn't run, by UUID, and since when: libvirt deletes a stopped guest's ports a little
  /// after the guest.
  var orphans: [String: ContinuousClock.Instant] = [:]
  /// Ports that are deleted and made again because libvirt lost count: their guests run.
  var remadePorts: Set<String> = []
  /// libvirt's hostdev networks by name.
  var facts: [String: NetworkFacts] = [:] { didSet { if let fleet, facts != oldValue { fleet.contentsChanged() } } }
  /// What placement knows of each pool's VFs, for as long as the inventory is the same.
  var layouts: [String: PoolLayout] = [:]
  /// UUIDs of the running guests, as events and reconciling tell them: hooks can't ask, domain calls wait for them.
  var runningGuests: Set<String> = []
  /// Whether `runningGuests` is complete: reconciling has read it on this connection.
  var guestsAreKnown = false
  /// What events told since reconciling last began to read: whether a guest runs.
  var guestsSinceRead: [String: Bool] = [:]
  /// What guests have by address, without a lease.
  var fixedNICs = FixedNICs() { didSet { fleet?.contentsChanged() } }
  /// UUIDs of guests that migrate to here, and since when that is known.
  var incomingGuests: [String: ContinuousClock.Instant] = [:]
  var turns = Turns()
  /// What is being read of pools' ports before a refusal, by pool.
  var portLooks: [String: Task<Void, Never>] = [:]
  /// False after `vfpool disable`, until libvirt's daemon is restarted, as `vfpool enable` does.
  var mayHold = true
  public internal(set) var isConnected = false
  /// By subject, so that each is told once and goes when it is mended.
  var problems: [String: String] = [:]
  /// Who has a VF without a lease or a port, in words: a process that drives it through vfio.
  var foreignUses: [PCIAddress: String] = [:]
  /// Free VFs on vfio-pci that libvirtd, as long as it runs, takes for a guest's, in its words.
  var lostToLibvirt: [PCIAddress: LostVF] = [:]
  /// PFs whose carrier is gone, or hasn't been back for long.
  var unhealthyPFs: Set<String> = []
  var recoveries: [String: Task<Void, Never>] = [:]
  /// When each PF lost its carrier of late.
  var losses: [String: [ContinuousClock.Instant]] = [:]
  /// PFs that have had a carrier since vfpoold started: a link that comes up for the first time doesn't flap.
  var pfsSeenUp: Set<String> = []
  /// The newest events, and who watches.
  var feed: EventFeed
  var tally = Tally()
  /// What leased VFs have lost of their settings, by lease: as seen once, and as seen twice.
  var suspectedChanges: [Int64: VFSettings] = [:]
  var outsideChanges: [Int64: VFSettings] = [:]
  /// Devices that running guests were asked to let go.
  var unplugs = Unplugs()
  /// The lease whose VF is on its way into a running guest.
  var leaseBeingAttached: Int64?
  /// What was tried to be put back in vain.
  var unmendableChanges: [Int64: VFSettings] = [:]
  /// How many of an admin's own changes of VFs are under way.
  var adminWrites = 0
  var pendingLook: Task<Void, Never>?
  var pendingDeviceLook: Task<Void, Never>?
  var deviceChanges = Settling()
  var linkChanges = Settling()
  /// Whose VFs the pending look reads.
  var changedPFs: Set<String> = []
  /// The last of what is done one after the other.
  private var tail: Task<Void, Never>?
  var backgroundReconcile: Task<Void, Never>?
  var pendingReconcile: Task<Void, Never>?
  private var lastReload: ContinuousClock.Instant?
  var reconcileWanted = false
  /// Waits to reconcile once more what could not be repaired.
  var retryPause: Task<Void, Never>?
  /// VFs whose first baseline is on its way into the ledger.
  private(set) var unsavedBaselines: Set<PCIAddress> = []
  /// What memory took while the ledger is read again; nil = it isn't.
  private var sinceReload: [LedgerChange]?

  /// How long the kernel's messages are left to settle.
  public struct WatchPatience: Sendable {
    /// From the last message of a burst to the look at what it was about.
    public var settle: Duration
    /// From a carrier's return to the PF being healthy; twice as long for each further loss of late.
    public var recovery: Duration
    /// How long a loss of the carrier counts.
    public var memory: Duration

    public init(settle: Duration = .seconds(2), recovery: Duration = .seconds(1), memory: Duration = .seconds(60)) {
      self.settle = settle
      self.recovery = recovery
      self.memory = memory
    }
  }

  public init(
    _ neighbours: Neighbours, bootID: String, log: Logger, turnLimit: Duration = .seconds(4),
    watchPatience: WatchPatience = WatchPatience(), quarantineLimit: Int = 3,
    macPrefix: MACPrefix = .standard, unusableLedger: String? = nil
  ) {
    let neighbours = unusableLedger.map(neighbours.readOnly) ?? neighbours
    links = neighbours.links
    networks = neighbours.networks
    guests = neighbours.guests
    devices = neighbours.devices
    ledger = neighbours.ledger
    fleet = neighbours.fleet
    now = neighbours.now
    feed = EventFeed(startedAt: neighbours.now())
    newUUID = neighbours.newUUID
    self.bootID = bootID
    self.log = log
    self.turnLimit = turnLimit
    self.watchPatience = watchPatience
    self.quarantineLimit = quarantineLimit
    self.macPrefix = macPrefix
    self.unusableLedger = unusableLedger
    problems["a ledger that can't be used"] = unusableLedger.map { "\($0); until then vfpoold only looks" }
  }

  /// Reads the ledger and the host, and closes what an earlier boot left open. libvirt isn't needed.
  public func load() async throws {
    contents = try await ledger.load()
    let stale = contents.leases.values.filter { $0.bootID != bootID }
    var changes = stale.map(\.id).sorted().flatMap { ending($0, by: .hostRebooted) }
    if !stale.isEmpty || contents.leases.isEmpty {
      // libvirt's ports don't outlive a boot; without any lease of this boot the holds are of an earlier one.
      changes += contents.holds.values.filter { !$0.isTrial }.map(\.port).sorted().map { .dropHold(port: $0) }
      changes += contents.quarantines.values.filter { $0.port != nil }
        .map { quarantine in
          var unparked = quarantine
          unparked.port = nil
          return .quarantine(unparked)
        }
    }
    if !changes.isEmpty { try await commit(changes) }
    await refreshInventory()
    // Somebody else may have begun to set a count that is ours.
    await noticeCountWriters()
  }

  /// Reads PFs and VFs anew; false, and keeps what it knows, when that fails.
  @discardableResult
  func refreshInventory(counters: Bool = false) async -> Bool {
    do {
      let read = try await links.inventory(counters: counters)
      let before = inventory
      inventory = read
      layouts = [:]
      if let fleet, read.vfs != before.vfs { fleet.contentsChanged() }
      noteCarriers(since: before)
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

  /// The change that ends a lease as it is now because of `event`; none when it has ended already. One that can't end so
  /// has moved on meanwhile, and is left to reconciling.
  func ending(_ id: Int64, by event: LeaseEvent) -> [LedgerChange] {
    guard let lease = contents.leases[id] else { return [] }
    do {
      return [try lease.ended(by: event, at: now())]
    } catch {
      log.warning("\(error)")
      reconcileSoon()
      return []
    }
  }

  /// One transaction; returns when it is durable. On an error memory is what the ledger has. Without changes: when all
  /// that was committed before is durable.
  func commit(_ changes: [LedgerChange]) async throws {
    take(changes)
    let baselines = changes.compactMap { if case .saveBaseline(let baseline) = $0 { baseline.vf } else { nil } }
    unsavedBaselines.formUnion(baselines)
    defer { unsavedBaselines.subtract(baselines) }
    do {
      try await ledger.commit(changes)
      problems["ledger"] = nil
    } catch {
      await reload(after: error)
      throw FlowError(.unavailable, "the ledger can't be written, so nothing was changed: \(error)")
    }
  }

  /// One transaction in its place in the order, without waiting: for what only records what has happened.
  func commitLater(_ changes: [LedgerChange]) {
    guard !changes.isEmpty else { return }
    take(changes)
    let failedBefore = problems["ledger"] != nil
    ledger.commit(changes) { [weak self] result in
      switch result {
      case .failure(let error): Task { await self?.reload(after: error) }
      case .success where failedBefore: Task { await self?.ledgerIsMended() }
      case .success: break
      }
    }
  }

  private func ledgerIsMended() { problems["ledger"] = nil }

  private func take(_ changes: [LedgerChange]) {
    for change in changes {
      tell(of: change)
      contents.apply(change)
    }
    sinceReload?.append(contentsOf: changes)
    fleet?.contentsChanged()
  }

  /// Memory is ahead of the ledger: takes what the ledger has, and what was committed while that was read.
  private func reload(after error: any Error) async {
    problems["ledger"] = "the ledger can't be written: \(error)"
    log.error("ledger write failed", metadata: ["error": "\(error)"])
    tell(.ledgerFailed, "the ledger can't be written: \(error)")
    guard sinceReload == nil else { return }
    sinceReload = []
    if let stored = try? await ledger.load() {
      contents = stored
      for change in sinceReload ?? [] { contents.apply(change) }
    }
    sinceReload = nil
    // A ledger that takes nothing must not make reconciling go round and round.
    let isOften = lastReload.map { $0.duration(to: .now) < turnLimit } ?? false
    lastReload = .now
    if isOften { reconcileLater() } else { reconcileSoon() }
  }

  // MARK: Who has what

  /// The open lease that has a VF; the furthest one, should one be recorded while another is being returned.
  func lease(holding vf: PCIAddress) -> Lease? { contents.lease(holding: vf) }

  /// The open leases that have a VF of a pool.
  func holders(of pool: String) -> [Lease] { contents.leases.values.filter { $0.pool == pool && $0.state.holdsVF } }

  func leases(of guestUUID: String) -> [Lease] { contents.leases(of: guestUUID) }

  /// The standing of each of the VFs, in their order.
  func standings(of vfs: [PCIAddress]) -> [VFStanding] {
    let claims = claims()
    return vfs.map { vf in
      let found = inventory.vf(at: vf)
      switch claims.standing(of: vf, isThere: found != nil, isHostUsed: found?.hostUse != nil) {
      case .free: return .free
      case .leased: return contents.lease(holding: vf).map { .leased($0) } ?? .free
      case .quarantined: return contents.quarantines[vf].map { .quarantined($0) } ?? .free
      case .foreign: return .foreign(ports.guestPort(on: vf)?.owner.name ?? "somebody")
      case .gone: return .gone
      case .hostUsed: return .hostUsed(found.flatMap(hostUse) ?? "")
      case .reserved: return .reserved("parked")
      }
    }
  }

  func claims() -> VFClaims { VFClaims(contents: contents, ports: ports, foreignUses: foreignUses) }

  /// Why a VF is the host's own, in words; nil = it isn't.
  func hostUse(of vf: VF) -> String? { vf.hostUse ?? vf.pci.flatMap { foreignUses[$0] } }

  func isHostUsed(_ vf: PCIAddress) -> Bool { inventory.vf(at: vf)?.hostUse != nil || foreignUses[vf] != nil }

  func notePort(_ port: NetworkPort) {
    ports[port.uuid] = port
    portsSinceRead[port.uuid] = .born
  }

  func forgetPort(_ uuid: String) {
    ports[uuid] = nil
    portsSinceRead[uuid] = .ended
  }
}
