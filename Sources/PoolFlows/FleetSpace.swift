import Logging
import PoolModel

/// What this host shares with the others of its fleet: the MACs that are live or bound, and its pools.
///
/// No start or stop of a guest depends on it: what can't be asked in time counts as not there, and what can't be told yet
/// is told later, from the ledger.
public protocol FleetSpace: Sendable {
  /// Takes MACs for a guest that is about to start, all of them or none; returns who on other hosts has some of them.
  ///
  /// Until `settled` they are this host's even though no lease is recorded yet. `isIncoming`: it migrates to here, so the
  /// host that it comes from may have them, too.
  func claim(
    _ live: [MACAddress: FleetShare.Live], for guest: GuestID, isIncoming: Bool, within patience: Duration
  ) async -> [MACElsewhere]
  /// The start of a guest is recorded, or refused: from now on its leases tell which MACs are live.
  func settled(_ guest: GuestID)
  /// Leases, bindings or pools have changed in memory.
  func contentsChanged()
  /// What is bound to a guest, on whichever host.
  func bindings(ofGuest uuid: String, within patience: Duration) async -> [MACBinding]
  /// To whom MACs are bound on other hosts of the fleet.
  func binders(of macs: Set<MACAddress>, within patience: Duration) async -> [MACElsewhere]
  /// In words: what of the fleet doesn't work, and what is in conflict with other hosts.
  var problems: [String] { get }
}

/// A MAC that another host of the fleet has.
public struct MACElsewhere: Hashable, Sendable {
  public var mac: MACAddress
  /// The host's name in the fleet.
  public var host: String
  public var guest: BoundGuest
  public var pool: String

  public init(mac: MACAddress, host: String, guest: BoundGuest, pool: String) {
    self.mac = mac
    self.host = host
    self.guest = guest
    self.pool = pool
  }
}

/// What a host has that its fleet is to know.
public struct FleetShare: Sendable {
  /// A MAC of a guest that runs, or is being started.
  public struct Live: Hashable, Sendable {
    public var guest: GuestID
    /// Nil: its VF is in none.
    public var pool: String?
    /// Nil = untagged.
    public var vlan: UInt16?
    /// Whether its pool is vfpool's to enforce.
    public var isEnforced: Bool

    public init(guest: GuestID, pool: String?, vlan: UInt16?, isEnforced: Bool = true) {
      self.guest = guest
      self.pool = pool
      self.vlan = vlan
      self.isEnforced = isEnforced
    }
  }

  public var live: [MACAddress: Live] = [:]
  public var bindings: [MACAddress: MACBinding] = [:]
  public var pools: [String: PoolFill] = [:]
  /// Those of `live` that aren't bound to their guest, once it has started.
  public var unbound: Set<MACAddress> = []
  /// The UUIDs of guests that have migrated to here not long ago, or are about to.
  public var incoming: Set<String> = []

  public init() {}
}

/// How full a pool is: each of its VFs is in exactly one of the counts.
public struct PoolFill: Hashable, Sendable {
  public var pool: Pool
  public var isActive: Bool
  /// VFs by whom they belong to.
  public var counts: [VFStanding.Kind: Int]

  init(_ pool: Pool, isActive: Bool, _ standings: [PCIAddress: (pool: String, standing: VFStanding)]) {
    self.pool = pool
    self.isActive = isActive
    counts = Dictionary(grouping: pool.addresses) { standings[$0]?.standing.kind ?? .gone }.mapValues(\.count)
  }

  public var total: Int { pool.addresses.count }

  public subscript(kinds: VFStanding.Kind...) -> Int { kinds.reduce(0) { $0 + (counts[$1] ?? 0) } }
}

extension HostView {
  public func fill(of pool: Pool) -> PoolFill {
    PoolFill(pool, isActive: networks[pool.name]?.active ?? false, standings)
  }
}

extension PoolManager {
  /// What the fleet is to know of this host, from memory.
  public func fleetShare() -> FleetShare {
    var share = FleetShare()
    // A device that is no NIC has no MAC of its own.
    let leases = contents.leases.values.filter { $0.state.holdsVF && $0.ownMAC != nil }.sorted { $0.id < $1.id }
    for lease in leases where share.live[lease.mac] == nil {
      share.live[lease.mac] = live(lease.guest, lease.pool, vlanID(of: lease))
    }
    for nic in fixedNICs.all where share.live[nic.mac] == nil {
      share.live[nic.mac] = live(nic.guest, poolName(ofFixed: nic.vf), nic.vlan)
    }
    let bindings = contents.bindings.values.sorted { ($0.nicName, $0.guest.name) < ($1.nicName, $1.guest.name) }
    for binding in bindings where share.bindings[binding.mac] == nil { share.bindings[binding.mac] = binding }
    let starting = Set(leases.filter { $0.state != .active }.map(\.mac))
    let unbound = share.live.filter { mac, live in
      !starting.contains(mac) && share.bindings[mac]?.guest.isSame(as: BoundGuest(live.guest)) != true
    }
    share.unbound = Set(unbound.keys)
    share.incoming = Set(incomingGuests.keys.filter(isIncoming))
    let standings = allStandings()
    for pool in contents.pools.values {
      share.pools[pool.name] = PoolFill(pool, isActive: facts[pool.name]?.active ?? false, standings)
    }
    return share
  }

  private func live(_ guest: GuestID, _ pool: String?, _ vlan: UInt16?) -> FleetShare.Live {
    .init(
      guest: guest, pool: pool, vlan: vlan, isEnforced: pool.flatMap { contents.pools[$0] }?.mode == .enforce)
  }

  /// What a start is refused with because another host has one of its MACs; nil = nothing. What is only to be warned of
  /// is logged, unless it is in `told`.
  func clashElsewhere(
    of nics: [CardNIC], _ told: inout Set<String>, isIncoming: Bool, within patience: Duration
  ) async -> Refusal? {
    guard let fleet, let guest = nics.first?.guest else { return nil }
    let end = ContinuousClock.now + patience
    var wanted = Dictionary(nics.map { ($0.mac, live(guest, $0.pool, $0.vlan)) }) { first, _ in first }
    while !wanted.isEmpty {
      let found = await fleet.claim(wanted, for: guest, isIncoming: isIncoming, within: end - .now)
      if found.isEmpty { return nil }
      if let refusal = refusal(found, nics, &told) { return refusal }
      // What is only to be warned of is shared; the rest is still to be taken.
      for other in found { wanted[other.mac] = nil }
    }
    return nil
  }

  private func refusal(_ found: [MACElsewhere], _ nics: [CardNIC], _ told: inout Set<String>) -> Refusal? {
    for other in found {
      guard let nic = nics.first(where: { $0.mac == other.mac }) else { continue }
      let guest = nic.guest
      let pool = nic.pool.flatMap { contents.pools[$0] }
      let refusal = Refusal(
        .macConflict, pool: nic.pool ?? other.pool, guest: guest,
        "\(nic.pool.map { "pool \($0): " } ?? "")guest \(guest.name) has MAC \(nic.mac), which guest \(other.guest.name) "
          + "uses on host \(other.host) (pool \(other.pool)); "
          + (other.guest.uuid == guest.uuid ? "it is the same guest: stop it there" : "give one of them another MAC"))
      if pool?.macConflict != .warn { return refusal }
      if told.insert(refusal.text).inserted { log.warning("\(refusal.text)") }
    }
    return nil
  }

  /// `qemu migrate begin`: the guest comes from another host, which has it until the migration ends.
  public func incoming(_ guest: GuestID) {
    incomingGuests = incomingGuests.filter { $0.value + Self.migrationLimit > .now }
    incomingGuests[guest.uuid] = .now
  }

  func isIncoming(_ uuid: String) -> Bool { incomingGuests[uuid].map { $0 + Self.migrationLimit > .now } ?? false }

  /// How long after its announcement a guest may be prepared.
  private static let migrationLimit = Duration.seconds(600)

  /// Guests that were defined while the fleet couldn't be asked: what is bound to them there.
  public func takeMissingBindings() async {
    guard fleet != nil, let defined = try? await guests.defined() else { return }
    let known = Set(contents.bindings.values.compactMap(\.guest.uuid))
    for guest in defined where !known.contains(guest.uuid) {
      do {
        try await takeBindings(of: guest)
        _ = try await keepMACs(of: guest)
      } catch {
        log.warning("guest \(guest.name): \(error)")
      }
    }
  }

  /// What was unbound on host `name`, of a guest that doesn't run with it here.
  public func forget(_ mac: MACAddress, of guest: BoundGuest, asOn name: String) async throws {
    let bindings = bindings(mac, of: guest).filter { openLease(of: $0) == nil }
    if bindings.isEmpty { return }
    log.notice("MAC \(mac) is no longer bound to guest \(guest.name), as it was unbound on host \(name)")
    try await commit(bindings.map { .unbind($0.key) })
  }

  /// From now on a binding counts as made then; nil = unknown.
  public func setSince(_ since: Timestamp?, of mac: MACAddress, _ guest: BoundGuest) async throws {
    let bindings = bindings(mac, of: guest)
    if bindings.isEmpty { return }
    try await commit(
      bindings.map { binding in
        var renewed = binding
        renewed.since = since
        return .bind(renewed)
      })
  }

  /// Also where another guest has the same MAC.
  public func binds(_ mac: MACAddress, to guest: BoundGuest) -> Bool { !bindings(mac, of: guest).isEmpty }

  private func bindings(_ mac: MACAddress, of guest: BoundGuest) -> [MACBinding] {
    contents.bindings.values.filter { $0.mac == mac && $0.guest.isSame(as: guest) }
  }

  /// What is bound to a guest in the fleet and not here, into the ledger.
  func takeBindings(of guest: GuestID) async throws {
    guard let fleet else { return }
    let found = await fleet.bindings(ofGuest: guest.uuid, within: turnLimit)
    let taken = Set(contents.bindings.values.map(\.mac))
    let new = found.filter {
      contents.bindings[$0.key] == nil && contents.bindings[$0.namedKey] == nil && !taken.contains($0.mac)
    }
    if new.isEmpty { return }
    log.info(
      "guest \(guest.name) keeps the MACs that it has in the fleet: \(new.map { "\($0.mac)" }.joined(separator: ", "))")
    try await commit(
      new.map { binding in
        var mine = binding.owed(keepsMACs(binding.pool))
        mine.guest = BoundGuest(guest)
        return .bind(mine)
      })
  }
}
