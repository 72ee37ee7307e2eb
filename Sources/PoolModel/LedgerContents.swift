/// One change of the ledger. A list of them is one transaction: all or none.
public enum LedgerChange: Hashable, Codable, Sendable {
  /// Adds a pool or replaces what is known of it; `netdef` is the XML as the admin wrote it.
  case savePool(Pool, netdef: String)
  case removePool(String)
  /// The first baseline of a VF, or a newer one.
  case saveBaseline(Baseline)
  case openLease(Lease)
  /// Replaces the open lease of the same id.
  case updateLease(Lease)
  /// Moves an open lease into the history.
  case closeLease(id: Int64, until: Timestamp, reason: String)
  case addHold(Hold)
  /// By the UUID of its port.
  case dropHold(port: String)
  /// Adds or replaces the binding of the same guest UUID, pool and NIC.
  case bind(MACBinding)
  /// Adds or replaces the quarantine of the same VF.
  case quarantine(Quarantine)
  case unquarantine(PCIAddress)
}

/// Everything in the ledger except the history: small, and kept in memory by its one writer.
public struct LedgerContents: Hashable, Sendable {
  /// By name.
  public var pools: [String: Pool] = [:]
  /// The XML of each pool as the admin wrote it, by the pool's name.
  public var netdefs: [String: String] = [:]
  public var baselines: [PCIAddress: Baseline] = [:]
  /// Open leases by id.
  public var leases: [Int64: Lease] = [:]
  /// By the UUID of their port.
  public var holds: [String: Hold] = [:]
  public var bindings: [BindingKey: MACBinding] = [:]
  public var quarantines: [PCIAddress: Quarantine] = [:]
  /// The id of the next lease; above every id ever used.
  public var nextLeaseID: Int64 = 1

  /// Which NIC a binding is for.
  public struct BindingKey: Hashable, Sendable {
    public var guestUUID: String
    public var pool: String
    public var nic: Int

    public init(guestUUID: String, pool: String, nic: Int) {
      self.guestUUID = guestUUID
      self.pool = pool
      self.nic = nic
    }
  }

  public init() {}

  /// What a store does durably, done to this copy.
  public mutating func apply(_ change: LedgerChange) {
    switch change {
    case .savePool(let pool, let netdef):
      pools[pool.name] = pool
      netdefs[pool.name] = netdef
    case .removePool(let name):
      pools[name] = nil
      netdefs[name] = nil
    case .saveBaseline(let baseline): baselines[baseline.vf] = baseline
    case .openLease(let lease):
      leases[lease.id] = lease
      nextLeaseID = max(nextLeaseID, lease.id + 1)
    case .updateLease(let lease): leases[lease.id] = lease
    case .closeLease(let id, _, _): leases[id] = nil
    case .addHold(let hold): holds[hold.port] = hold
    case .dropHold(let port): holds[port] = nil
    case .bind(let binding):
      bindings[BindingKey(guestUUID: binding.guest.uuid, pool: binding.pool, nic: binding.nic)] = binding
    case .quarantine(let quarantine): quarantines[quarantine.vf] = quarantine
    case .unquarantine(let vf): quarantines[vf] = nil
    }
  }
}

/// Which closed leases to read; nil = any.
public struct HistoryFilter: Hashable, Sendable {
  public var mac: MACAddress?
  /// Name or UUID.
  public var guest: String?
  public var vf: PCIAddress?
  public var pool: String?
  /// Only leases that were open at this moment.
  public var at: Timestamp?
  /// The newest so many.
  public var limit: Int

  public init(
    mac: MACAddress? = nil, guest: String? = nil, vf: PCIAddress? = nil, pool: String? = nil, at: Timestamp? = nil,
    limit: Int = 1000
  ) {
    self.mac = mac
    self.guest = guest
    self.vf = vf
    self.pool = pool
    self.at = at
    self.limit = limit
  }
}
