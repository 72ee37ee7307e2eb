import PoolModel

/// A guest with what it has of the host's, as `vfpool guest list --json` prints it.
public struct GuestRow: Codable, Hashable, Sendable {
  public var name: String
  public var uuid: String
  public var running: Bool
  /// How many more devices can be plugged in while it runs; null = it doesn't run, or that isn't known.
  @OrNull public var freePlaces: Int?
  /// NICs and devices passed through: those of the running guest first, then what only its definition has.
  public var devices: [GuestDeviceRow]

  public init(_ guest: GuestID, running: Bool, freePlaces: Int?, devices: [GuestDeviceRow]) {
    name = guest.name
    uuid = guest.uuid
    self.running = running
    self.devices = devices
    _freePlaces = OrNull(wrappedValue: freePlaces)
  }
}

/// A NIC or device of a guest.
public struct GuestDeviceRow: Codable, Hashable, Sendable {
  /// `nic`, or `hostdev` for what is passed through as it is.
  public var kind: GuestDeviceKind
  @OrNull public var mac: MACAddress?
  /// The pool that its VF is from, or will be from; null = none.
  @OrNull public var pool: String?
  @OrNull public var portgroup: String?
  /// The host's device; null = it gets one when the guest starts, or has none.
  @OrNull public var pci: PCIAddress?
  @OrNull public var pf: String?
  @OrNull public var index: Int?
  /// Whether the guest has it as it runs.
  public var live: Bool
  /// Whether its definition has it.
  public var config: Bool
  /// The state of its lease, as `lease list` has it; null = there is none.
  @OrNull public var lease: LeaseState?
  /// The guest was asked to let it go, and hasn't answered.
  public var leaving: Bool

  public init(
    kind: GuestDeviceKind, mac: MACAddress? = nil, pool: String? = nil, portgroup: String? = nil,
    pci: PCIAddress? = nil, vf: VFIndex? = nil, scope: GuestScope, lease: LeaseState? = nil, leaving: Bool = false
  ) {
    self.kind = kind
    self.leaving = leaving
    live = scope.contains(.live)
    config = scope.contains(.config)
    _mac = OrNull(wrappedValue: mac)
    _pool = OrNull(wrappedValue: pool)
    _portgroup = OrNull(wrappedValue: portgroup)
    _pci = OrNull(wrappedValue: pci)
    _pf = OrNull(wrappedValue: vf?.pf)
    _index = OrNull(wrappedValue: vf?.index)
    _lease = OrNull(wrappedValue: lease)
  }
}

/// What came of an attach or detach.
public struct GuestChange: Codable, Hashable, Sendable {
  public var guest: String
  public var guestUUID: String
  /// As it is afterwards, of several functions the first; what was detached as it was at last.
  public var device: GuestDeviceRow
  /// In words: `has VF enp1s0/3 of pool spread now, with MAC 52:54:00:12:34:56`.
  public var done: String
  /// What to know, in words.
  public var notes: [String]

  public init(_ guest: GuestID, device: GuestDeviceRow, done: String, notes: [String]) {
    self.guest = guest.name
    guestUUID = guest.uuid
    self.device = device
    self.done = done
    self.notes = notes
  }
}

/// The body of `POST /v1/guests/attach`; either a pool or a device.
public struct GuestAttachment: Codable, Hashable, Sendable {
  public var pool: String?
  public var portgroup: String?
  /// By what `device show` takes.
  public var device: String?
  /// Null = the one that the NIC had, or a new one.
  public var mac: MACAddress?
  /// Null = the pool's.
  public var vlan: UInt16?
  /// The port profile of 802.1Qbh.
  public var profile: String?
  /// The MAC of the virtio NIC for which the VF stands in.
  public var teaming: MACAddress?
  /// All functions of the device's slot, in one slot of the guest's definition; null = the device alone.
  public var multifunction: Bool?
  /// Neither this nor `config`: into the guest as it runs, or its definition when it doesn't.
  public var live: Bool
  public var config: Bool

  public init(
    pool: String? = nil, portgroup: String? = nil, device: String? = nil, mac: MACAddress? = nil, vlan: UInt16? = nil,
    profile: String? = nil, teaming: MACAddress? = nil, multifunction: Bool? = nil, live: Bool = false,
    config: Bool = false
  ) {
    self.pool = pool
    self.portgroup = portgroup
    self.device = device
    self.mac = mac
    self.vlan = vlan
    self.profile = profile
    self.teaming = teaming
    self.multifunction = multifunction
    self.live = live
    self.config = config
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case pool, portgroup, device, mac, vlan, profile, teaming, multifunction, live, config
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.fields(CodingKeys.self)
    pool = try fields.decodeIfPresent(String.self, forKey: .pool)
    portgroup = try fields.decodeIfPresent(String.self, forKey: .portgroup)
    device = try fields.decodeIfPresent(String.self, forKey: .device)
    mac = try fields.decodeIfPresent(MACAddress.self, forKey: .mac)
    vlan = try fields.decodeIfPresent(UInt16.self, forKey: .vlan)
    profile = try fields.decodeIfPresent(String.self, forKey: .profile)
    teaming = try fields.decodeIfPresent(MACAddress.self, forKey: .teaming)
    multifunction = try fields.decodeIfPresent(Bool.self, forKey: .multifunction)
    live = try fields.decodeIfPresent(Bool.self, forKey: .live) ?? false
    config = try fields.decodeIfPresent(Bool.self, forKey: .config) ?? false
  }
}

/// The body of `POST /v1/guests/detach`; either a MAC or a device.
public struct GuestDetachment: Codable, Hashable, Sendable {
  public var mac: MACAddress?
  /// By what `device show` takes.
  public var device: String?
  /// Neither this nor `config`: out of the guest as it runs, or its definition when it doesn't.
  public var live: Bool
  public var config: Bool
  /// How many seconds a running guest has to let it go.
  public var timeout: Int

  public static let defaultTimeout = 30
  public static let timeouts = 1...3600

  public init(
    mac: MACAddress? = nil, device: String? = nil, live: Bool = false, config: Bool = false,
    timeout: Int = GuestDetachment.defaultTimeout
  ) {
    self.mac = mac
    self.device = device
    self.live = live
    self.config = config
    self.timeout = timeout
  }

  private enum CodingKeys: String, CodingKey, CaseIterable { case mac, device, live, config, timeout }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.fields(CodingKeys.self)
    self.init(
      mac: try fields.decodeIfPresent(MACAddress.self, forKey: .mac),
      device: try fields.decodeIfPresent(String.self, forKey: .device),
      live: try fields.decodeIfPresent(Bool.self, forKey: .live) ?? false,
      config: try fields.decodeIfPresent(Bool.self, forKey: .config) ?? false,
      timeout: try fields.decodeIfPresent(Int.self, forKey: .timeout) ?? Self.defaultTimeout)
  }
}
