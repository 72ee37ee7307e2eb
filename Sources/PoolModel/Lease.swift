/// Where a lease is in its life; `after(_:)` says what comes next.
public enum LeaseState: String, Codable, Sendable, CaseIterable {
  /// Written at prepare; libvirt has not picked a VF yet.
  case recorded
  /// libvirt's port exists: the VF is this NIC's.
  case allocated
  /// The guest runs with it.
  case active
  /// The VF is back at its baseline, the guest is not yet released.
  case freed

  /// Whether the VF belongs to the NIC.
  public var holdsVF: Bool { self != .freed }

  /// Whether libvirt has given the VF to the NIC.
  public var hasPort: Bool { self == .allocated || self == .active }
}

/// A guest as libvirt knows it.
public struct GuestID: Hashable, Codable, Sendable {
  public var name: String
  /// Lower case with dashes.
  public var uuid: String

  public init(name: String, uuid: String) {
    self.name = name
    self.uuid = uuid
  }
}

/// One hand-out of a VF to a NIC. What happens to it, and so its state, goes through the events of its life
/// (`picked(_:)`, `started(settings:)` …).
public struct Lease: Hashable, Codable, Sendable, Identifiable {
  /// The ledger's number; grows, never used twice.
  public var id: Int64
  public var pool: String
  public var guest: GuestID
  /// The NIC's position among the guest's NICs of this pool, from 0.
  public var nic: Int
  public var mac: MACAddress
  /// The VF: chosen from `recorded` on, libvirt's pick from `allocated` on. Nil: libvirt is left to pick.
  public internal(set) var vf: PCIAddress?
  /// The VF's place when it was handed out.
  public internal(set) var vfIndex: VFIndex?
  public internal(set) var state: LeaseState
  public var portgroup: String?
  /// The UUID of libvirt's network port.
  public internal(set) var port: String?
  /// When it was first recorded.
  public var since: Timestamp
  /// The kernel's boot in which it was recorded (`/proc/sys/kernel/random/boot_id`).
  public var bootID: String
  /// What the VF shall be while its guest has it; nil = not known. Of a NIC that is on its way to its VF no more than the
  /// VLAN is known.
  public internal(set) var settings: VFSettings?

  /// A lease as it is stored; a new one is recorded.
  public init(
    id: Int64 = 0, pool: String, guest: GuestID, nic: Int, mac: MACAddress, vf: PCIAddress?, vfIndex: VFIndex?,
    state: LeaseState = .recorded, portgroup: String? = nil, port: String? = nil, since: Timestamp, bootID: String,
    settings: VFSettings? = nil
  ) {
    self.id = id
    self.pool = pool
    self.guest = guest
    self.nic = nic
    self.mac = mac
    self.vf = vf
    self.vfIndex = vfIndex
    self.state = state
    self.portgroup = portgroup
    self.port = port
    self.since = since
    self.bootID = bootID
    self.settings = settings
  }
}

extension Lease {
  /// With what the UUIDs of the ports begin that vfpool makes for guests, by which they are recognised without the ledger:
  /// libvirt deletes only the ports that it made.
  public static let claimPrefix = "76667f01"

  /// Whether vfpool made its port.
  public var isClaim: Bool { port?.hasPrefix(Self.claimPrefix) == true }
}

/// A lease that is over.
public struct ClosedLease: Hashable, Codable, Sendable {
  /// As it was at last: in the state in which it ended.
  public var lease: Lease
  public var until: Timestamp
  /// Why it ended, in words: a `LeaseEnd`'s, or those of another version.
  public var reason: String

  public var outcome: LeaseOutcome { lease.state.outcome }

  public init(lease: Lease, until: Timestamp, reason: String) {
    self.lease = lease
    self.until = until
    self.reason = reason
  }
}

/// A claim of vfpool's own on a VF, so that libvirt's first free one is placement's choice.
public struct Hold: Hashable, Codable, Sendable {
  /// The UUID of its network port.
  public var port: String
  /// Empty: the VF is in no pool, see `isTrial`.
  public var pool: String
  public var vf: PCIAddress
  /// For which guest's start it stands; nil = a standing hold.
  public var guest: GuestID?

  public init(port: String, pool: String, vf: PCIAddress, guest: GuestID?) {
    self.port = port
    self.pool = pool
    self.vf = vf
    self.guest = guest
  }

  /// It marks a VF in no pool that a self-test is changing: libvirt has no port of it.
  public var isTrial: Bool { pool.isEmpty }

  /// The owner's name in libvirt's port XML, by which a hold is recognised without the ledger.
  public static let ownerName = "vfpool-hold"
  /// The owner's UUID in libvirt's port XML: ports of this owner run no flow.
  public static let ownerUUID = "76667f00-6c64-4000-8000-7666706f6f6c"
}

/// A VF's full state when it belongs to nobody.
public struct Baseline: Hashable, Codable, Sendable {
  public var vf: PCIAddress
  public var state: VFState
  public var taken: Timestamp

  public init(vf: PCIAddress, state: VFState, taken: Timestamp) {
    self.vf = vf
    self.state = state
    self.taken = taken
  }
}

/// A VF that came back dirty or broken and is handed out no more.
public struct Quarantine: Hashable, Codable, Sendable {
  public var vf: PCIAddress
  public var why: String
  public var since: Timestamp
  /// The standing hold that parks it, once libvirt has it.
  public var port: String?
  /// An admin quarantined it; it didn't fail.
  public var byAdmin: Bool

  public init(vf: PCIAddress, why: String, since: Timestamp, port: String? = nil, byAdmin: Bool = false) {
    self.vf = vf
    self.why = why
    self.since = since
    self.port = port
    self.byAdmin = byAdmin
  }
}
