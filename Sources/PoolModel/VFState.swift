/// The link state that the PF imposes on a VF (`ip link set … vf N state`).
public enum VFLinkState: String, Codable, Sendable, CaseIterable {
  /// Follows the PF's carrier.
  case auto
  /// Always up: VFs of one PF reach each other without a cable.
  case enable
  /// Always down.
  case disable
}

/// All that a PF's driver reports about a VF. Nil = the driver doesn't report it.
///
/// Source: `struct ifla_vf_*` in the kernel's `include/uapi/linux/if_link.h`.
public struct VFState: Hashable, Codable, Sendable {
  public var mac: MACAddress
  /// What Ethernet and InfiniBand VFs send broadcasts to; nil before Linux 5.3.
  public var broadcast: MACAddress?
  /// Nil = untagged. The kernel's list holds one tag at most (MAX_VLAN_LIST_LEN).
  public var vlan: VLANTag?
  public var spoofchk: Bool?
  public var trust: Bool?
  public var linkState: VFLinkState?
  /// Mbit/s; 0 = no guarantee.
  public var minTxRate: UInt32?
  /// Mbit/s; 0 = unlimited.
  public var maxTxRate: UInt32?
  /// Whether the VF may ask for the PF's RSS indirection table and hash key.
  public var rssQuery: Bool?
  /// Of InfiniBand VFs.
  public var nodeGUID: GUID?
  /// Of InfiniBand VFs.
  public var portGUID: GUID?

  public init(
    mac: MACAddress, broadcast: MACAddress? = nil, vlan: VLANTag? = nil, spoofchk: Bool? = nil, trust: Bool? = nil,
    linkState: VFLinkState? = nil, minTxRate: UInt32? = nil, maxTxRate: UInt32? = nil, rssQuery: Bool? = nil,
    nodeGUID: GUID? = nil, portGUID: GUID? = nil
  ) {
    self.mac = mac
    self.broadcast = broadcast
    self.vlan = vlan
    self.spoofchk = spoofchk
    self.trust = trust
    self.linkState = linkState
    self.minTxRate = minTxRate
    self.maxTxRate = maxTxRate
    self.rssQuery = rssQuery
    self.nodeGUID = nodeGUID
    self.portGUID = portGUID
  }
}
