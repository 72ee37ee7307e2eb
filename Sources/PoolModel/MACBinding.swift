/// The guest that a MAC is bound for.
public struct BoundGuest: Hashable, Codable, Sendable {
  public var name: String
  /// Lower case with dashes; nil until a guest of that name is defined or started.
  public var uuid: String?

  public init(name: String, uuid: String?) {
    self.name = name
    self.uuid = uuid
  }

  public init(_ guest: GuestID) { self.init(name: guest.name, uuid: guest.uuid) }

  /// By the UUIDs, or the names where one of them is known by its name only.
  public func isSame(as other: BoundGuest) -> Bool {
    guard let uuid, let otherUUID = other.uuid else { return name == other.name }
    return uuid == otherUUID
  }
}

/// The lasting tie between a NIC and its MAC; outlives leases, guests' restarts and host reboots.
public struct MACBinding: Hashable, Codable, Sendable {
  public var guest: BoundGuest
  public var pool: String
  /// The NIC's position among the guest's NICs of this pool, from 0.
  public var nic: Int
  public var mac: MACAddress
  /// The VF that the NIC had last.
  public var lastVF: PCIAddress?
  /// When the NIC last got a VF; nil = never since the MAC was bound.
  public var lastSeen: Timestamp?
  /// The guest's definition is still to get the MAC.
  public var isOwed: Bool
  /// When the NIC got this MAC; nil = before vfpool kept that.
  public var since: Timestamp?

  public init(
    guest: BoundGuest, pool: String, nic: Int, mac: MACAddress, lastVF: PCIAddress? = nil, lastSeen: Timestamp? = nil,
    isOwed: Bool = false, since: Timestamp? = nil
  ) {
    self.guest = guest
    self.pool = pool
    self.nic = nic
    self.mac = mac
    self.lastVF = lastVF
    self.lastSeen = lastSeen
    self.isOwed = isOwed
    self.since = since
  }

  public init(
    guest: GuestID, pool: String, nic: Int, mac: MACAddress, lastVF: PCIAddress?, lastSeen: Timestamp?,
    since: Timestamp? = nil
  ) {
    self.init(
      guest: BoundGuest(guest), pool: pool, nic: nic, mac: mac, lastVF: lastVF, lastSeen: lastSeen, since: since)
  }

  public var nicName: NICName { NICName(pool: pool, position: nic) }
}
