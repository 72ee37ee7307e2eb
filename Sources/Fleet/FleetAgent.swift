import Foundation
import Logging
import PoolFlows
import PoolModel
import Synchronization

/// This host in its fleet: keeps the store true to what the host has, and asks it before a guest starts.
///
/// The ledger is what the store is compared with: what could not be written while the store was away is found by comparing
/// once it is back. Per host the store is asked for little: one request a third of the heartbeat, and what changes.
public actor FleetAgent: FleetSpace {
  public struct Host: Hashable, Sendable {
    /// In the fleet; unique.
    public var name: String
    public var machine: String
    /// Its ledger's id.
    public var ledger: String
    public var version: String

    public init(name: String, machine: String, ledger: String, version: String) {
      self.name = name
      self.machine = machine
      self.ledger = ledger
      self.version = version
    }
  }

  /// What is between this host and its fleet.
  public enum Connection: Hashable, Sendable {
    /// It has only begun to ask.
    case joining(since: Timestamp)
    case connected(since: Timestamp)
    /// In words why, and since when.
    case away(String, since: Timestamp)
  }

  /// What the store has of this host.
  struct Written {
    var live: [MACAddress: LiveRecord] = [:]
    var bindings: [MACAddress: WrittenBinding] = [:]
    var pools: [String: PoolRecord] = [:]
    /// Keys.
    var runners: Set<String> = []
    /// Live MACs of which it isn't known.
    var doubtful: Set<MACAddress> = []
  }

  enum WrittenBinding: Hashable {
    /// As the store has it, and the revision that changed it last.
    case mine(BindingRecord, modified: Int64)
    /// The same NIC of the same guest is bound by another host, where the guest was last.
    case shared(BindingRecord)
    /// An older one has the MAC.
    case lost(BindingRecord, to: BindingRecord)
  }

  /// MACs that a start has taken before its leases are recorded.
  struct Claim {
    var live: [MACAddress: FleetShare.Live]
    /// The store has been asked, and may or may not have done it.
    var isUnderWay = true
    var isSettled = false
  }

  struct Clash {
    /// The other one.
    var host: String
    var words: String
  }

  let store: any FleetStore
  let keys: FleetKeys
  public let host: Host
  /// How long after its last sign a host counts as vanished, in seconds.
  let heartbeat: Int
  /// Whether netdefs of the fleet are applied here.
  let takesNetdefs: Bool
  /// Where it is recorded what other hosts have changed here.
  let audit: any AuditLog
  let log: Logger
  let now: @Sendable () -> Timestamp
  /// Set for as long as it runs.
  var manager: PoolManager?
  /// This host's lease, while it is in the fleet.
  var lease: Int64?
  /// The revision that this stay's writing depends on, see `commit`.
  var fence: Int64 = 0
  var isMovingFence = false
  /// This host has been forgotten: its bindings give way to all others.
  var givesWay = false
  /// MACs of which the ledger has refused something, and when that is tried again.
  var retries: [MACAddress: ContinuousClock.Instant] = [:]
  /// Bindings of this host that are gone from the store, and the revision at which that was told.
  var goneBindings: [MACAddress: Int64] = [:]
  /// That records of what was unbound go with, and since when.
  var unboundLease: (lease: Int64, since: ContinuousClock.Instant)?
  /// A guest that runs here runs on another host, too, which has its binding.
  var sharesLive = false
  /// Other hosts that have been forgotten during this stay, and the revision at which that was done.
  var forgottenHosts: [String: Int64] = [:]
  var written = Written()
  /// By the guest's UUID.
  var claims: [String: Claim] = [:]
  /// Live MACs that are to be deleted just now.
  var lettingGo: Set<MACAddress> = []
  /// Live MACs that this host has found live on another one, too.
  var clashes: [MACAddress: Clash] = [:]
  /// The same as others have found it, in words.
  var toldClashes: [MACAddress: String] = [:]
  /// Netdefs of the fleet that could not be looked at yet, by key: libvirt wasn't there.
  var waitingNetdefs: [String: FleetEntry] = [:]
  var isTryingNetdefs = false
  private var nextLook = ContinuousClock.now
  /// How often joining has failed since it succeeded.
  private var failedTries = 0
  /// Netdefs that could not be applied here, in words, by pool.
  var netdefFailures: [String: String] = [:]
  /// Wakes who makes the store have what this host has, while it is in the fleet.
  private nonisolated let poke = Mutex<AsyncStream<Void>.Continuation?>(nil)
  private nonisolated let told: Mutex<Told>

  /// What is read without waiting.
  private struct Told {
    var connection: Connection
    var conflicts: [String] = []
  }

  public init(
    store: any FleetStore, keys: FleetKeys, host: Host, heartbeat: Int = 60, takesNetdefs: Bool = true,
    audit: any AuditLog, log: Logger, now: @escaping @Sendable () -> Timestamp
  ) {
    self.store = store
    self.keys = keys
    self.host = host
    self.heartbeat = heartbeat
    self.takesNetdefs = takesNetdefs
    self.audit = audit
    self.log = log
    self.now = now
    told = Mutex(Told(connection: .joining(since: now())))
  }

  // MARK: Told without waiting

  public nonisolated func contentsChanged() { _ = poke.withLock { $0?.yield() } }

  public nonisolated func settled(_ guest: GuestID) { Task { await settle(guest.uuid) } }

  public nonisolated var connection: Connection { told.withLock { $0.connection } }

  public nonisolated var problems: [String] {
    told.withLock { told in
      guard case .away(let why, let since) = told.connection else { return told.conflicts }
      return ["not in the fleet since \(since): \(why); guests start with what this host knows"] + told.conflicts
    }
  }

  // MARK: Its life

  /// Runs until it is cancelled; joins the fleet again whenever it is lost.
  public func run(_ manager: PoolManager) async {
    self.manager = manager
    defer { self.manager = nil }
    while !Task.isCancelled {
      try? await losing { try await self.serve(manager) }
      failedTries += 1
      let seconds = min(15, 1 << min(failedTries, 4))
      try? await Task.sleep(for: .milliseconds(Int.random(in: 500 * seconds...1000 * seconds)))
    }
  }

  private func note(away why: String) {
    let since = now()
    let isNews = told.withLock { told in
      switch told.connection {
      case .away(_, let before):
        told.connection = .away(why, since: before)
        return false
      case .joining(let before): told.connection = .away(why, since: before)
      case .connected: told.connection = .away(why, since: since)
      }
      return true
    }
    if isNews { log.warning("not in the fleet: \(why); guests start with what this host knows") }
  }

  /// One stay in the fleet, until something breaks.
  private func serve(_ manager: PoolManager) async throws {
    let (old, revision) = try await join()
    let (pokes, poke) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    self.poke.withLock { $0 = poke }
    defer { self.poke.withLock { $0 = nil } }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await self.losing { try await self.keepAlive() } }
      tasks.addTask {
        try await self.losing {
          try await self.noteAbsence()
          try await self.sync(manager)
          // Only now: until its records are written anew, they go with the old lease.
          if let old { try await self.endEarlierStay(old) }
          await self.noteJoined()
          await manager.takeMissingBindings()
          try await self.sync(manager, whenever: pokes)
        }
      }
      tasks.addTask { try await self.losing { try await self.follow(after: revision, manager) } }
      defer { tasks.cancelAll() }
      try await tasks.next()
    }
  }

  /// Whatever ends a stay ends it at once, also while something else can't be cancelled.
  private func losing(_ body: @Sendable () async throws -> Void) async throws {
    do { try await body() } catch {
      lease = nil
      if !Task.isCancelled { note(away: "\(error)") }
      throw error
    }
  }

  private func endEarlierStay(_ old: Int64) async throws(FleetStoreError) {
    if old != lease { try await store.revoke(lease: old) }
  }

  private func noteJoined() {
    guard lease != nil else { return }
    failedTries = 0
    told.withLock { $0.connection = .connected(since: now()) }
    log.info("in the fleet as \(host.name)")
  }

  /// Returns the lease of an earlier stay, and the revision at which the store was read.
  private func join() async throws -> (old: Int64?, revision: Int64) {
    let key = keys.host(host.name)
    let known = try await store.entries(under: key).entries.first { $0.key == key }
    let record = known.flatMap { RecordText.record(HostRecord.self, $0.value) }
    if let record, record.machine != host.machine {
      throw FleetStoreError.refused(
        "another host of the fleet is called \(host.name) (its machine-id is \(record.machine)); set fleet-host in "
          + "vfpool.conf")
    }
    let lease = try await store.grantLease(seconds: heartbeat)
    let mine = HostRecord(
      name: host.name, machine: host.machine, version: host.version, since: now(),
      takesNetdefs: takesNetdefs ? nil : false)
    let condition = known.map { FleetTransaction.Condition.unchanged(key, since: $0.modified) } ?? .absent(key)
    let answer = try await store.commit(
      .init(
        if: [condition],
        then: [.put(key, RecordText.text(of: mine), lease: lease), .put(keys.fence(host.name), "", lease: lease)]))
    guard answer.isDone else { throw FleetStoreError.unreachable("another host joined as \(host.name) just now") }
    (written, clashes, toldClashes, waitingNetdefs, netdefFailures) = (Written(), [:], [:], [:], [:])
    (givesWay, forgottenHosts, retries, goneBindings, sharesLive) = (false, [:], [:], [:], false)
    (fence, self.lease) = (answer.revision, lease)
    try await readOwnBindings()
    return (known?.lease, answer.revision)
  }

  private func keepAlive() async throws {
    while let lease {
      try await Task.sleep(for: .seconds(heartbeat) / 3)
      // One that can't be reached now may be until the lease ends.
      let end = ContinuousClock.now + .seconds(heartbeat) / 2
      while true {
        do throws(FleetStoreError) {
          guard try await store.keepAlive(lease: lease) else { throw FleetStoreError.leaseEnded }
          break
        } catch {
          if error == .leaseEnded || .now > end { throw error }
          try await Task.sleep(for: .seconds(1))
        }
      }
      // What others stop isn't told here.
      if !clashes.isEmpty || sharesLive || !retries.isEmpty, nextLook < .now {
        nextLook = .now + .seconds(heartbeat)
        contentsChanged()
      }
    }
  }

  private func sync(_ manager: PoolManager, whenever pokes: AsyncStream<Void>) async throws {
    for await _ in pokes {
      try await sync(manager)
      tryWaitingNetdefs(manager)
    }
    throw CancellationError()
  }

  private func settle(_ uuid: String) {
    guard claims[uuid] != nil else { return }
    claims[uuid]?.isSettled = true
    contentsChanged()
  }

  /// What others read without waiting.
  func tellConflicts() {
    var conflicts = clashes.mapValues(\.words).merging(toldClashes) { mine, _ in mine }.sorted { $0.key < $1.key }
      .map(\.value)
    for (mac, binding) in written.bindings.sorted(by: { $0.key < $1.key }) {
      guard case .lost(let mine, let other) = binding else { continue }
      conflicts.append(
        "MAC \(mac) of guest \(mine.guest.name) (pool \(mine.pool)) is bound to guest \(other.guest.name) on host "
          + "\(other.host), which had it first; give \(mine.guest.name) another one")
    }
    conflicts += netdefFailures.sorted { $0.key < $1.key }.map(\.value)
    told.withLock { $0.conflicts = conflicts }
  }
}
