import PoolModel

/// A PF, as `vfpool pf list --json` prints it.
public struct PFRow: Codable, Hashable, Sendable {
  public var name: String
  @OrNull public var pci: PCIAddress?
  @OrNull public var driver: String?
  @OrNull public var numaNode: Int?
  @OrNull public var carrier: Bool?
  public var numVFs: Int
  public var totalVFs: Int
  public var leased: Int
  /// VFs that a pool can hand out now.
  public var free: Int
  @OrNull public var mac: MACAddress?
  @OrNull public var mtu: Int?
  /// Why vfpool can't serve this PF; null = it can.
  @OrNull public var unsupported: String?
  /// Other names of its netdev.
  public var altNames: [String]
  /// The netdevs of its further ports.
  public var otherNetdevs: [String]
  @OrNull public var iommuGroup: Int?
  /// The other devices of its IOMMU group.
  public var iommuGroupOthers: [PCIAddress]
  /// Mbit/s; null where the driver doesn't know.
  @OrNull public var speed: Int?
  /// Whether drivers are bound to new VFs by themselves.
  @OrNull public var autoprobe: Bool?
  /// `legacy` or `switchdev`; null where the driver has no such switch.
  @OrNull public var eswitchMode: String?

  public init(_ pf: PF, leased: Int, free: Int) {
    name = pf.name
    numVFs = pf.numVFs
    totalVFs = pf.totalVFs
    self.leased = leased
    self.free = free
    _pci = OrNull(wrappedValue: pf.pci)
    _driver = OrNull(wrappedValue: pf.driver)
    _numaNode = OrNull(wrappedValue: pf.numaNode)
    _carrier = OrNull(wrappedValue: pf.carrier)
    _mac = OrNull(wrappedValue: pf.mac)
    _mtu = OrNull(wrappedValue: pf.mtu)
    _unsupported = OrNull(wrappedValue: pf.unsupported)
    altNames = pf.altNames
    otherNetdevs = pf.otherNetdevs
    _iommuGroup = OrNull(wrappedValue: pf.iommuGroup?.number)
    iommuGroupOthers = pf.iommuGroup?.others ?? []
    _speed = OrNull(wrappedValue: pf.speed)
    _autoprobe = OrNull(wrappedValue: pf.autoprobe)
    _eswitchMode = OrNull(wrappedValue: pf.eswitchMode)
  }
}

/// To whom a VF belongs now.
public enum VFCondition: String, Codable, Hashable, Sendable, CaseIterable {
  case free, leased, reserved, quarantined, hostUsed, unpooled, gone
}

/// A VF, as `vfpool vf list --json` prints it.
public struct VFRow: Codable, Hashable, Sendable {
  public var pf: String
  public var index: Int
  @OrNull public var pci: PCIAddress?
  @OrNull public var netdev: String?
  @OrNull public var driver: String?
  @OrNull public var numaNode: Int?
  @OrNull public var iommuGroup: Int?
  /// The MAC that the PF keeps for the VF.
  @OrNull public var mac: MACAddress?
  /// VLAN id; null = untagged.
  @OrNull public var vlan: UInt16?
  @OrNull public var qos: UInt8?
  @OrNull public var vlanProto: VLANProtocol?
  @OrNull public var spoofchk: Bool?
  @OrNull public var trust: Bool?
  @OrNull public var linkState: VFLinkState?
  /// Mbit/s
  @OrNull public var minTxRate: UInt32?
  /// Mbit/s
  @OrNull public var maxTxRate: UInt32?
  @OrNull public var mtu: Int?
  @OrNull public var pool: String?
  public var state: VFCondition
  @OrNull public var guest: String?
  @OrNull public var leaseMac: MACAddress?
  /// Why the VF is in this state, where that isn't plain.
  @OrNull public var why: String?
  @OrNull public var broadcast: MACAddress?
  @OrNull public var rssQuery: Bool?
  /// Of an InfiniBand VF.
  @OrNull public var nodeGUID: GUID?
  /// Of an InfiniBand VF.
  @OrNull public var portGUID: GUID?
  /// Null unless they were asked for.
  @OrNull public var counters: VFCounters?
  /// False: the kernel's answer lacked this VF, and what the PF would report of it is unknown.
  public var isComplete: Bool
  /// The other devices of its IOMMU group.
  public var iommuGroupOthers: [PCIAddress]
  /// The netdev that stands for the VF on the host, on a card in switchdev mode.
  @OrNull public var representor: String?

  public init(
    _ vf: VF, pool: String?, state: VFCondition, guest: String? = nil, leaseMac: MACAddress? = nil, why: String? = nil
  ) {
    pf = vf.id.pf
    index = vf.id.index
    self.state = state
    _pci = OrNull(wrappedValue: vf.pci)
    _netdev = OrNull(wrappedValue: vf.netdev)
    _driver = OrNull(wrappedValue: vf.driver)
    _numaNode = OrNull(wrappedValue: vf.numaNode)
    _iommuGroup = OrNull(wrappedValue: vf.iommuGroup?.number)
    _mac = OrNull(wrappedValue: vf.state?.mac)
    _vlan = OrNull(wrappedValue: vf.state?.vlan?.id)
    _qos = OrNull(wrappedValue: vf.state?.vlan?.qos)
    _vlanProto = OrNull(wrappedValue: vf.state?.vlan?.proto)
    _spoofchk = OrNull(wrappedValue: vf.state?.spoofchk)
    _trust = OrNull(wrappedValue: vf.state?.trust)
    _linkState = OrNull(wrappedValue: vf.state?.linkState)
    _minTxRate = OrNull(wrappedValue: vf.state?.minTxRate)
    _maxTxRate = OrNull(wrappedValue: vf.state?.maxTxRate)
    _mtu = OrNull(wrappedValue: vf.mtu)
    _pool = OrNull(wrappedValue: pool)
    _guest = OrNull(wrappedValue: guest)
    _leaseMac = OrNull(wrappedValue: leaseMac)
    _why = OrNull(wrappedValue: why)
    _broadcast = OrNull(wrappedValue: vf.state?.broadcast)
    _rssQuery = OrNull(wrappedValue: vf.state?.rssQuery)
    _nodeGUID = OrNull(wrappedValue: vf.state?.nodeGUID)
    _portGUID = OrNull(wrappedValue: vf.state?.portGUID)
    _counters = OrNull(wrappedValue: vf.counters)
    isComplete = vf.state != nil || state == .gone
    iommuGroupOthers = vf.iommuGroup?.others ?? []
    _representor = OrNull(wrappedValue: vf.representor)
  }
}

/// A pool, as `vfpool pool list --json` prints it. Each of its `total` VFs is in exactly one of the counts below.
public struct PoolRow: Codable, Hashable, Sendable {
  public var name: String
  @OrNull public var uuid: String?
  public var active: Bool
  public var autostart: Bool
  public var policy: PlacementPolicy
  public var total: Int
  public var free: Int
  public var leased: Int
  public var reserved: Int
  public var quarantined: Int
  public var mode: PoolMode
  public var hostUsed: Int
  public var gone: Int

  public init(
    name: String, uuid: String?, active: Bool, autostart: Bool, policy: PlacementPolicy, total: Int, free: Int,
    leased: Int, reserved: Int, quarantined: Int, hostUsed: Int = 0, gone: Int = 0, mode: PoolMode
  ) {
    self.name = name
    self.active = active
    self.autostart = autostart
    self.policy = policy
    self.total = total
    self.free = free
    self.leased = leased
    self.reserved = reserved
    self.quarantined = quarantined
    self.hostUsed = hostUsed
    self.gone = gone
    self.mode = mode
    _uuid = OrNull(wrappedValue: uuid)
  }
}

/// `vfpool pool show P`: the pool, its policy, and its VFs in libvirt's order.
public struct PoolDetail: Codable, Hashable, Sendable {
  public var row: PoolRow
  public var pool: Pool
  public var vfs: [VFRow]

  public init(row: PoolRow, pool: Pool, vfs: [VFRow]) {
    self.row = row
    self.pool = pool
    self.vfs = vfs
  }
}

/// A lease, as `vfpool lease list --json` and `lease history --json` print it.
public struct LeaseRow: Codable, Hashable, Sendable {
  public var id: Int64
  public var pool: String
  public var guest: String
  public var guestUUID: String
  public var mac: MACAddress
  @OrNull public var pf: String?
  @OrNull public var index: Int?
  @OrNull public var pci: PCIAddress?
  /// `recorded`, `allocated`, `active`, `freed`; in the history `closed`.
  public var state: String
  public var since: Timestamp
  @OrNull public var portgroup: String?
  /// History only: when it ended.
  public var until: Timestamp?
  /// History only: why it ended.
  public var reason: String?
  /// History only: `closed`, or `failed` for a start that never got its VF.
  public var outcome: LeaseOutcome?

  public init(_ lease: Lease) {
    id = lease.id
    pool = lease.pool
    guest = lease.guest.name
    guestUUID = lease.guest.uuid
    mac = lease.mac
    state = lease.state.rawValue
    since = lease.since
    _pf = OrNull(wrappedValue: lease.vfIndex?.pf)
    _index = OrNull(wrappedValue: lease.vfIndex?.index)
    _pci = OrNull(wrappedValue: lease.vf)
    _portgroup = OrNull(wrappedValue: lease.portgroup)
  }

  public init(_ closed: ClosedLease) {
    self.init(closed.lease)
    state = "closed"
    until = closed.until
    reason = closed.reason
    outcome = closed.outcome
  }
}

/// A MAC binding, as `vfpool mac list --json` prints it.
public struct MACRow: Codable, Hashable, Sendable {
  public var mac: MACAddress
  public var guest: String
  /// Null until a guest of that name is defined or started.
  @OrNull public var guestUUID: String?
  public var pool: String
  public var nic: Int
  @OrNull public var lastPci: PCIAddress?
  /// Null: never since the MAC was bound.
  @OrNull public var lastSeen: Timestamp?

  public init(_ binding: MACBinding) {
    mac = binding.mac
    guest = binding.guest.name
    pool = binding.pool
    nic = binding.nic
    _guestUUID = OrNull(wrappedValue: binding.guest.uuid)
    _lastPci = OrNull(wrappedValue: binding.lastVF)
    _lastSeen = OrNull(wrappedValue: binding.lastSeen)
  }
}

/// A MAC that was bound, as `vfpool mac bind --json` prints it.
public struct MACChange: Codable, Hashable, Sendable {
  public var binding: MACRow
  /// What to know, in words.
  public var notes: [String]

  public init(binding: MACRow, notes: [String]) {
    self.binding = binding
    self.notes = notes
  }
}

/// `vfpool status`: the host at one look.
public struct StatusReport: Codable, Hashable, Sendable {
  /// vfpoold's version.
  public var version: String
  /// Whether vfpoold talks to libvirt now.
  public var libvirtConnected: Bool
  public var pfs: [PFRow]
  public var pools: [PoolRow]
  public var leases: [LeaseRow]
  /// What an operator should know, the worst first.
  public var problems: [String]

  public init(
    version: String, libvirtConnected: Bool, pfs: [PFRow], pools: [PoolRow], leases: [LeaseRow], problems: [String]
  ) {
    self.version = version
    self.libvirtConnected = libvirtConnected
    self.pfs = pfs
    self.pools = pools
    self.leases = leases
    self.problems = problems
  }
}

/// What a change would do (`--plan`) or did.
public struct PlanReport: Codable, Hashable, Sendable {
  /// Each step in words, in order; empty = nothing to do.
  public var steps: [String]
  /// Running guests that lose their VF by it.
  public var disruptedGuests: [String]
  /// Stands for the state that the plan was made from (`--if-plan`).
  public var token: String
  /// Whether it was done, not only planned.
  public var done: Bool
  /// What to know afterwards, in words.
  public var notes: [String]
  /// Of a pool that is changed: what becomes other, and when.
  public var changes: [PoolChange]

  public init(
    steps: [String], disruptedGuests: [String] = [], token: String, done: Bool, notes: [String] = [],
    changes: [PoolChange] = []
  ) {
    self.steps = steps
    self.disruptedGuests = disruptedGuests
    self.token = token
    self.done = done
    self.notes = notes
    self.changes = changes
  }
}

/// The body of every answer that isn't a success.
public struct Failure: Codable, Hashable, Sendable, Error {
  /// For people: names the object and the way out; may have several lines.
  public var error: String

  public init(error: String) { self.error = error }
}

/// The body of `PATCH /v1/vfs`: the fields to write, the rest stays.
public struct VFChange: Codable, Hashable, Sendable {
  public var settings: VFSettings
  /// Running guests that may be disturbed, by name.
  public var disrupt: [String]

  public init(settings: VFSettings, disrupt: [String] = []) {
    self.settings = settings
    self.disrupt = disrupt
  }

  private enum CodingKeys: String, CodingKey, CaseIterable { case settings, disrupt }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.fields(CodingKeys.self)
    settings = try fields.decode(VFSettingsJSON.self, forKey: .settings).settings
    disrupt = try fields.decodeIfPresent([String].self, forKey: .disrupt) ?? []
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(VFSettingsJSON(settings), forKey: .settings)
    try fields.encode(disrupt, forKey: .disrupt)
  }
}
