import PoolModel

/// A guest with its NICs and the devices that are passed through to it, as the CLI and other readers see it.
public struct GuestView: Hashable, Sendable {
  public var guest: GuestID
  public var isRunning: Bool
  /// Those of the running guest first, then what only its definition has.
  public var devices: [Device]
  /// How many more devices can be plugged in while it runs; nil = it doesn't, or that isn't known.
  public var freePlaces: Int?

  /// A NIC or device of a guest.
  public struct Device: Hashable, Sendable {
    public var kind: GuestDeviceKind
    public var mac: MACAddress?
    /// The pool that the VF is from or will be from.
    public var pool: String?
    public var portgroup: String?
    /// The host's device; nil = libvirt picks at the guest's start, or it isn't one of the host's.
    public var pci: PCIAddress?
    /// Where a VF is on its card.
    public var vf: VFIndex?
    /// Whether the running guest has it, its definition, or both.
    public var scope: GuestScope
    /// Where its lease is in its life; nil = there is none.
    public var lease: LeaseState?
    /// The guest was asked to let it go, and hasn't answered.
    public var isLeaving = false
  }
}

/// What came of an attach or detach.
public struct GuestOutcome: Hashable, Sendable {
  public var guest: GuestID
  /// As it is afterwards, or was at last.
  public var device: GuestView.Device
  /// In words: `has VF enp1s0/3 of pool spread now, with MAC 52:54:00:12:34:56`.
  public var done: String
  /// What to know, in words.
  public var notes: [String]
}

/// What to plug into a guest.
public struct AttachRequest: Hashable, Sendable {
  public enum Source: Hashable, Sendable {
    /// A VF of this pool, in one of its portgroups.
    case pool(String, portgroup: String?)
    /// A device that no pool hands out, by what `device show` takes.
    case device(String)
  }

  public var source: Source
  /// Nil = the one that the NIC had, or a new one.
  public var mac: MACAddress?
  /// Nil = the pool's.
  public var vlan: UInt16?
  /// The port profile of 802.1Qbh.
  public var profile: String?
  /// The MAC of the virtio NIC for which the VF stands in.
  public var teaming: MACAddress?
  /// Not the device alone but all functions of its slot, and they share a slot in the guest's definition.
  public var isMultifunction: Bool

  public init(
    _ source: Source, mac: MACAddress? = nil, vlan: UInt16? = nil, profile: String? = nil, teaming: MACAddress? = nil,
    isMultifunction: Bool = false
  ) {
    self.isMultifunction = isMultifunction
    self.source = source
    self.mac = mac
    self.vlan = vlan
    self.profile = profile
    self.teaming = teaming
  }

  /// Whether it says something that only a NIC has.
  var describesNIC: Bool { mac != nil || vlan != nil || profile != nil || teaming != nil }
}

/// What to take out of a guest.
public enum DetachTarget: Hashable, Sendable, CustomStringConvertible {
  /// The NIC with this MAC.
  case mac(MACAddress)
  /// A device by what `device show` takes.
  case device(String)

  public var description: String {
    switch self {
    case .mac(let mac): "MAC \(mac)"
    case .device(let name): "device \(name)"
    }
  }
}
