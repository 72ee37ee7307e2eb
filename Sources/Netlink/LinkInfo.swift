import PoolModel

/// A network interface as one RTM_NEWLINK message describes it.
public struct LinkInfo: Hashable, Sendable {
  public var ifindex: Int32
  public var name: String
  /// Its other names (IFLA_ALT_IFNAME, Linux 5.5).
  public var altNames: [String]
  public var mac: MACAddress?
  /// The MAC that the card came with (IFLA_PERM_ADDRESS, Linux 5.6).
  public var permanentMAC: MACAddress?
  public var mtu: Int?
  /// Whether the interface is set up (IFF_UP).
  public var adminUp: Bool
  /// Nil when the interface is administratively down, where the kernel knows no carrier.
  public var carrier: Bool?
  /// As RFC 2863 and sysfs name it: `up`, `down`, `lowerlayerdown`, `dormant` …
  public var operstate: String?
  /// The device below, as its bus names it: `0000:01:00.0` on PCI (IFLA_PARENT_DEV_NAME, Linux 5.14).
  public var parentDevName: String?
  /// `pci`, `netdevsim` …
  public var parentBus: String?
  /// The interface index of the bridge, bond or the like that this one is in.
  public var master: Int32?
  /// The interface index of the one that this is stacked on (VLAN, macvtap), in this network namespace.
  public var lower: Int32?
  /// It has gone from here into another network namespace (in an RTM_DELLINK).
  public var isElsewhere: Bool
  /// What made a virtual interface: `bridge`, `bond`, `macvtap` …; nil for hardware.
  public var kind: String?
  /// How many VFs the device has (IFLA_NUM_VF); nil when the kernel wasn't asked or the device can't have any.
  public var numVF: Int?
  /// What the PF's driver reports, by VF index.
  public var vfs: VFTable<VFState>
  /// By VF index; empty unless they were asked for.
  public var counters: VFTable<VFCounters> = VFTable()

  /// How many VFs the device has that `vfs` lacks; 0 = `vfs` is whole.
  public var vfsMissing: Int { max(0, (numVF ?? 0) - vfs.count) }

  public init(
    ifindex: Int32, name: String, altNames: [String] = [], mac: MACAddress? = nil, mtu: Int? = nil,
    adminUp: Bool = false, carrier: Bool? = nil,
    operstate: String? = nil, parentDevName: String? = nil, parentBus: String? = nil, master: Int32? = nil,
    lower: Int32? = nil, isElsewhere: Bool = false, kind: String? = nil, numVF: Int? = nil,
    vfs: VFTable<VFState> = VFTable()
  ) {
    self.ifindex = ifindex
    self.name = name
    self.altNames = altNames
    self.mac = mac
    self.mtu = mtu
    self.adminUp = adminUp
    self.carrier = carrier
    self.operstate = operstate
    self.parentDevName = parentDevName
    self.parentBus = parentBus
    self.master = master
    self.lower = lower
    self.isElsewhere = isElsewhere
    self.kind = kind
    self.numVF = numVF
    self.vfs = vfs
  }
}
