/// One change of the ledger. A list of them is one transaction: all or none.
public enum LedgerChange: Hashable, Codable, Sendable {
  /// Adds a pool or replaces what is known of it; `netdef` is the XML as the admin wrote it.
  case savePool(Pool, netdef: String)
  case removePool(String)
  /// The first baseline of a VF, or a newer one.
  case saveBaseline(Baseline)
  case forgetBaseline(PCIAddress)
  case openLease(Lease)
  /// Replaces the open lease of the same id; refused unless an event leads to its state.
  case updateLease(Lease)
  /// Moves an open lease into the history; refused unless an event leads to that end. Made by `Lease.ended(by:at:)`.
  case closeLease(id: Int64, until: Timestamp, end: LeaseEnd)
  case addHold(Hold)
  /// By the UUID of its port.
  case dropHold(port: String)
  /// Adds or replaces the binding of the same guest, pool and NIC. With the guest's UUID it also takes the place of the
  /// one that knew only its name.
  case bind(MACBinding)
  case unbind(LedgerContents.BindingKey)
  /// Adds or replaces the quarantine of the same VF.
  case quarantine(Quarantine)
  case unquarantine(PCIAddress)
  /// A VF count that an admin set; replaces the one of the same PF.
  case keepCount(OwnVFCount)
  case forgetCount(PCIAddress)
}

/// Everything in the ledger except the history: small, and kept in memory by its one writer.
public struct LedgerContents: Hashable, Sendable {
  /// By name.
  public var pools: [String: Pool] = [:]
  /// The XML of each pool as the admin wrote it, by the pool's name.
  public var netdefs: [String: String] = [:]
  public var baselines: [PCIAddress: Baseline] = [:]
  /// Open leases by id.
  public private(set) var leases: [Int64: Lease] = [:]
  private var index = LeaseIndex()
  /// By the UUID of their port.
  public var holds: [String: Hold] = [:]
  public var bindings: [BindingKey: MACBinding] = [:]
  public var quarantines: [PCIAddress: Quarantine] = [:]
  /// VF counts that an admin set, by the PF's address; those of pools are in the pools.
  public var counts: [PCIAddress: OwnVFCount] = [:]
  /// The id of the next lease; above every id ever used.
  public var nextLeaseID: Int64 = 1

  /// Which NIC a binding is for.
  public struct BindingKey: Hashable, Codable, Sendable {
    /// A guest by its UUID, or by its name while that is all that is known.
    public enum Guest: Hashable, Codable, Sendable { case uuid(String), name(String) }

    public var guest: Guest
    public var pool: String
    public var nic: Int

    public init(_ guest: Guest, pool: String, nic: Int) {
      self.guest = guest
      self.pool = pool
      self.nic = nic
    }

    public init(guestUUID: String, pool: String, nic: Int) { self.init(.uuid(guestUUID), pool: pool, nic: nic) }
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
    case .forgetBaseline(let vf): baselines[vf] = nil
    case .openLease(let lease):
      set(lease, id: lease.id)
      nextLeaseID = max(nextLeaseID, lease.id + 1)
    case .updateLease(let lease): set(lease, id: lease.id)
    case .closeLease(let id, _, _): set(nil, id: id)
    case .addHold(let hold): holds[hold.port] = hold
    case .dropHold(let port): holds[port] = nil
    case .bind(let binding):
      if binding.guest.uuid != nil { bindings[binding.namedKey] = nil }
      bindings[binding.key] = binding
    case .unbind(let key): bindings[key] = nil
    case .quarantine(let quarantine): quarantines[quarantine.vf] = quarantine
    case .unquarantine(let vf): quarantines[vf] = nil
    case .keepCount(let count): counts[count.pci] = count
    case .forgetCount(let pf): counts[pf] = nil
    }
  }

  private mutating func set(_ lease: Lease?, id: Int64) {
    if let old = leases[id] { index.remove(old) }
    if let lease { index.insert(lease) }
    leases[id] = lease
  }
}

extension LedgerContents {
  /// The open lease that has a VF; the furthest one, should one be recorded while another is being returned.
  public func lease(holding vf: PCIAddress) -> Lease? { index.holder(of: vf).flatMap { leases[$0] } }

  /// Whether an open lease has the VF.
  public func isLeased(_ vf: PCIAddress) -> Bool { index.isHeld(vf) }

  /// The open leases of a guest, by id.
  public func leases(of guestUUID: String) -> [Lease] { index.leases(of: guestUUID).compactMap { leases[$0] } }

  /// The open leases with a MAC whose NIC has a VF or is to get one, by id.
  public func leases(withMAC mac: MACAddress) -> [Lease] { index.leases(withMAC: mac).compactMap { leases[$0] } }

  /// The MACs that more than one of such leases has.
  public var sharedMACs: Set<MACAddress> { index.sharedMACs }

  /// How many NICs of other guests are being started in a pool without a VF of their own: libvirt will pick for them.
  public func unplacedStarts(in pool: String, besides guestUUID: String) -> Int {
    index.unplaced(in: pool).count { leases[$0]?.guest.uuid != guestUUID }
  }
}

extension MACBinding {
  public var key: LedgerContents.BindingKey {
    guest.uuid.map { .init(guestUUID: $0, pool: pool, nic: nic) } ?? namedKey
  }

  /// The key of the same NIC's binding while only the guest's name is known.
  public var namedKey: LedgerContents.BindingKey { .init(.name(guest.name), pool: pool, nic: nic) }
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
