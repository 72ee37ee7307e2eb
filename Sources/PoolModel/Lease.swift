/// Where a lease is in its life. Durable before the action that it announces.
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

/// One hand-out of a VF to a NIC.
public struct Lease: Hashable, Codable, Sendable, Identifiable {
  /// The ledger's number; grows, never used twice.
  public var id: Int64
  public var pool: String
  public var guest: GuestID
  /// The NIC's position among the guest's NICs of this pool, from 0.
  public var nic: Int
  public var mac: MACAddress
  /// The VF: chosen from `recorded` on, libvirt's pick from `allocated` on. Nil: libvirt is left to pick.
  public var vf: PCIAddress?
  /// The VF's place when it was handed out.
  public var vfIndex: VFIndex?
  public var state: LeaseState
  public var portgroup: String?
  /// The UUID of libvirt's network port.
  public var port: String?
  /// When it was first recorded.
  public var since: Timestamp
  /// The kernel's boot in which it was recorded (`/proc/sys/kernel/random/boot_id`).
  public var bootID: String

  public init(
    id: Int64 = 0, pool: String, guest: GuestID, nic: Int, mac: MACAddress, vf: PCIAddress?, vfIndex: VFIndex?,
    state: LeaseState, portgroup: String? = nil, port: String? = nil, since: Timestamp, bootID: String
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
  }
}

/// A lease that is over.
public struct ClosedLease: Hashable, Codable, Sendable {
  public var lease: Lease
  public var until: Timestamp
  /// Why it ended, in words: `guest stopped`, `start failed`, `host rebooted`.
  public var reason: String

  public init(lease: Lease, until: Timestamp, reason: String) {
    self.lease = lease
    self.until = until
    self.reason = reason
  }
}

/// The lasting tie between a NIC and its MAC; outlives leases, guests' restarts and host reboots.
public struct MACBinding: Hashable, Codable, Sendable {
  public var guest: GuestID
  public var pool: String
  /// The NIC's position among the guest's NICs of this pool, from 0.
  public var nic: Int
  public var mac: MACAddress
  /// The VF that the NIC had last.
  public var lastVF: PCIAddress?
  public var lastSeen: Timestamp

  public init(
    guest: GuestID, pool: String, nic: Int, mac: MACAddress, lastVF: PCIAddress?, lastSeen: Timestamp
  ) {
    self.guest = guest
    self.pool = pool
    self.nic = nic
    self.mac = mac
    self.lastVF = lastVF
    self.lastSeen = lastSeen
  }
}

/// A claim of vfpool's own on a VF, so that libvirt's first free one is placement's choice.
public struct Hold: Hashable, Codable, Sendable {
  /// The UUID of its network port.
  public var port: String
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

  public init(vf: PCIAddress, why: String, since: Timestamp, port: String? = nil) {
    self.vf = vf
    self.why = why
    self.since = since
    self.port = port
  }
}
