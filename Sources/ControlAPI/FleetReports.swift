import PoolModel

/// The fleet at one look, as `vfpool fleet status --json` prints it.
public struct FleetStatusReport: Codable, Hashable, Sendable {
  /// The host that was asked.
  public var host: String
  /// Whether it is in the fleet now.
  public var connected: Bool
  /// Since when it is so.
  public var since: Timestamp
  /// Why it isn't, in words.
  @OrNull public var why: String?
  /// How many of its own records the store hasn't got yet.
  public var pending: Int
  public var members: [FleetMemberRow]
  public var hosts: [FleetHostRow]
  public var pools: [FleetPoolRow]
  public var netdefs: [FleetNetdefRow]
  public var conflicts: [FleetConflictRow]
  public var clashes: [FleetClashRow]

  public init(
    host: String, connected: Bool, since: Timestamp, why: String?, pending: Int, members: [FleetMemberRow],
    hosts: [FleetHostRow], pools: [FleetPoolRow], netdefs: [FleetNetdefRow], conflicts: [FleetConflictRow],
    clashes: [FleetClashRow]
  ) {
    self.host = host
    self.connected = connected
    self.since = since
    _why = OrNull(wrappedValue: why)
    self.pending = pending
    self.members = members
    self.hosts = hosts
    self.pools = pools
    self.netdefs = netdefs
    self.conflicts = conflicts
    self.clashes = clashes
  }
}

/// A MAC that is live on two hosts: etcd couldn't be asked when one of the guests started, or its pool only warns.
public struct FleetClashRow: Codable, Hashable, Sendable {
  public var mac: MACAddress
  public var host: String
  public var otherHost: String
  /// The other host's.
  public var otherGuest: String

  public init(mac: MACAddress, host: String, otherHost: String, otherGuest: String) {
    self.mac = mac
    self.host = host
    self.otherHost = otherHost
    self.otherGuest = otherGuest
  }
}

/// One of etcd's servers.
public struct FleetMemberRow: Codable, Hashable, Sendable {
  public var endpoint: String
  @OrNull public var version: String?
  public var leader: Bool
  /// Of its database.
  @OrNull public var bytes: Int64?
  /// Nil = it serves.
  @OrNull public var problem: String?

  public init(endpoint: String, version: String?, leader: Bool, bytes: Int64?, problem: String?) {
    self.endpoint = endpoint
    self.leader = leader
    _version = OrNull(wrappedValue: version)
    _bytes = OrNull(wrappedValue: bytes)
    _problem = OrNull(wrappedValue: problem)
  }
}

/// A host that is up.
public struct FleetHostRow: Codable, Hashable, Sendable {
  public var host: String
  public var version: String
  /// In the fleet without a break since.
  public var since: Timestamp
  /// Of all its pools; a VF that several list counts in each.
  public var vfs: Int
  public var leased: Int
  public var free: Int
  public var pools: [String]

  public init(host: String, version: String, since: Timestamp, vfs: Int, leased: Int, free: Int, pools: [String]) {
    self.host = host
    self.version = version
    self.since = since
    self.vfs = vfs
    self.leased = leased
    self.free = free
    self.pools = pools
  }
}

/// A pool over all hosts that are up and have it.
public struct FleetPoolRow: Codable, Hashable, Sendable {
  public var pool: String
  public var hosts: Int
  public var total: Int
  public var free: Int
  public var leased: Int
  /// Neither free nor leased.
  public var others: Int

  public init(pool: String, hosts: Int, total: Int, free: Int, leased: Int, others: Int) {
    self.pool = pool
    self.hosts = hosts
    self.total = total
    self.free = free
    self.leased = leased
    self.others = others
  }
}

/// A netdef that the fleet's hosts are to have.
public struct FleetNetdefRow: Codable, Hashable, Sendable {
  public var pool: String
  /// The host on which it was applied to the fleet.
  public var by: String
  public var at: Timestamp
  /// How many hosts have it.
  public var applied: Int
  /// Hosts where it failed, with the reason.
  public var failures: [Failure]
  /// Hosts that are up, are meant, and haven't answered.
  public var missing: [String]

  public struct Failure: Codable, Hashable, Sendable {
    public var host: String
    public var why: String

    public init(host: String, why: String) {
      self.host = host
      self.why = why
    }
  }

  public init(pool: String, by: String, at: Timestamp, applied: Int, failures: [Failure], missing: [String]) {
    self.pool = pool
    self.by = by
    self.at = at
    self.applied = applied
    self.failures = failures
    self.missing = missing
  }
}

/// A MAC that was bound on two hosts: the older binding has it.
public struct FleetConflictRow: Codable, Hashable, Sendable {
  public var mac: MACAddress
  /// Whose binding gave way.
  public var guest: String
  public var host: String
  public var pool: String
  /// Who has it; nil: nobody any more.
  @OrNull public var winner: String?
  @OrNull public var winnerHost: String?

  public init(mac: MACAddress, guest: String, host: String, pool: String, winner: String?, winnerHost: String?) {
    self.mac = mac
    self.guest = guest
    self.host = host
    self.pool = pool
    _winner = OrNull(wrappedValue: winner)
    _winnerHost = OrNull(wrappedValue: winnerHost)
  }
}

/// A MAC in the fleet: where it is bound, where it is live.
public struct FleetFoundRow: Codable, Hashable, Sendable {
  public var mac: MACAddress
  public var guest: String
  @OrNull public var guestUUID: String?
  @OrNull public var pool: String?
  /// Where the guest was last.
  public var host: String
  /// Whether a binding is known; a guest may run with a MAC that another has bound.
  public var bound: Bool
  /// Whether the guest runs there.
  public var live: Bool

  public init(
    mac: MACAddress, guest: String, guestUUID: String?, pool: String?, host: String, bound: Bool, live: Bool
  ) {
    self.mac = mac
    self.guest = guest
    self.host = host
    self.bound = bound
    self.live = live
    _guestUUID = OrNull(wrappedValue: guestUUID)
    _pool = OrNull(wrappedValue: pool)
  }
}

/// A pool on one host, and whether guests fit there.
public struct FleetPlaceRow: Codable, Hashable, Sendable {
  public var host: String
  public var pool: String
  public var total: Int
  public var free: Int
  public var leased: Int
  public var policy: PlacementPolicy
  /// 1 = the best; nil = not there, see `why`.
  @OrNull public var rank: Int?
  @OrNull public var why: String?

  public init(
    host: String, pool: String, total: Int, free: Int, leased: Int, policy: PlacementPolicy, rank: Int?, why: String?
  ) {
    self.host = host
    self.pool = pool
    self.total = total
    self.free = free
    self.leased = leased
    self.policy = policy
    _rank = OrNull(wrappedValue: rank)
    _why = OrNull(wrappedValue: why)
  }
}

/// What hosts would do, or have done, to have the fleet's netdefs.
public struct FleetPlanReport: Codable, Hashable, Sendable {
  public var hosts: [Host]

  public struct Host: Codable, Hashable, Sendable {
    public var host: String
    /// In the netdefs' order, up to the first that failed.
    public var plans: [PlanReport]
    /// In words; nil = all went well.
    @OrNull public var failure: String?

    public init(host: String, plans: [PlanReport], failure: String?) {
      self.host = host
      self.plans = plans
      _failure = OrNull(wrappedValue: failure)
    }
  }

  public init(hosts: [Host]) { self.hosts = hosts }
}

/// What `POST /v1/fleet/plan` and `/v1/fleet/apply` take.
public struct FleetApplication: Codable, Hashable, Sendable {
  public var netdefs: [String]
  /// Nil = all hosts.
  public var hosts: [String]?
  /// Not these.
  public var except: [String]?
  /// By host, the tokens of its plans: exactly that is done. Needed to apply.
  public var tokens: [String: [String]]?

  public init(
    netdefs: [String], hosts: [String]?, except: [String]? = nil, tokens: [String: [String]]? = nil
  ) {
    self.netdefs = netdefs
    self.hosts = hosts
    self.except = except
    self.tokens = tokens
  }
}

/// Something that happened in the fleet: a line of `vfpool fleet watch --json`.
public struct FleetEventRow: Codable, Hashable, Sendable {
  public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
    case hostUp, hostGone, hostForgotten
    case macLive, macIdle
    case macBound, macUnbound
    case poolChanged, poolGone
    case conflict, conflictOver
    case clash, clashOver
    case netdefSaved, netdefForgotten, netdefApplied, netdefFailed
  }

  /// etcd's revision.
  public var revision: Int64
  public var kind: Kind
  /// In words.
  public var message: String
  @OrNull public var host: String?
  @OrNull public var mac: MACAddress?
  @OrNull public var guest: String?
  @OrNull public var pool: String?

  public init(
    revision: Int64, kind: Kind, message: String, host: String? = nil, mac: MACAddress? = nil, guest: String? = nil,
    pool: String? = nil
  ) {
    self.revision = revision
    self.kind = kind
    self.message = message
    _host = OrNull(wrappedValue: host)
    _mac = OrNull(wrappedValue: mac)
    _guest = OrNull(wrappedValue: guest)
    _pool = OrNull(wrappedValue: pool)
  }
}
