/// Which free VF a NIC gets first.
public enum PlacementPolicy: String, Codable, Sendable, CaseIterable {
  /// Fills one PF before it touches the next.
  case pack
  /// The PF with the fewest leases first.
  case spread
}

/// How much a VF near the guest's NUMA nodes is worth.
public enum NUMAPreference: String, Codable, Sendable, CaseIterable {
  case ignore, prefer, strict
}

/// How a pool picks among its free VFs.
public struct Placement: Hashable, Codable, Sendable {
  public var policy: PlacementPolicy
  public var numa: NUMAPreference
  /// A NIC gets the VF back that it had last, if that is free.
  public var sticky: Bool
  /// How many VFs of the pool a guest may have at most; nil = as many as it has NICs.
  public var quota: Int?

  public init(
    policy: PlacementPolicy = .pack, numa: NUMAPreference = .ignore, sticky: Bool = false, quota: Int? = nil
  ) {
    self.policy = policy
    self.numa = numa
    self.sticky = sticky
    self.quota = quota
  }
}

/// The PFs that a pool takes VFs from (`<vfpool:pf …/>`, or libvirt's own `<pf dev=/>`).
public struct PoolPF: Hashable, Sendable {
  public var selector: PFSelector
  /// How many VFs vfpool is to keep on each of these PFs; nil = the count is someone else's.
  public var vfs: Int?
  /// The VF indexes that the pool takes of each; nil = all.
  public var range: ClosedRange<Int>?

  public init(_ selector: PFSelector, vfs: Int? = nil, range: ClosedRange<Int>? = nil) {
    self.selector = selector
    self.vfs = vfs
    self.range = range
  }

  /// A PF by its name alone.
  public init(dev: String, vfs: Int? = nil, range: ClosedRange<Int>? = nil) {
    self.init(PFSelector(dev: dev), vfs: vfs, range: range)
  }
}

extension PoolPF: Codable {
  private enum CodingKeys: String, CodingKey { case vfs, range }

  /// One flat object, as it was when `dev` was all that there was.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      try PFSelector(from: decoder), vfs: try container.decodeIfPresent(Int.self, forKey: .vfs),
      range: try container.decodeIfPresent(ClosedRange<Int>.self, forKey: .range))
  }

  public func encode(to encoder: any Encoder) throws {
    try selector.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encodeIfPresent(vfs, forKey: .vfs)
    try container.encodeIfPresent(range, forKey: .range)
  }
}

/// What a pool sets on a VF while a guest has it (`<vfpool:vf …/>`). Nil = never written.
public struct VFPolicy: Hashable, Codable, Sendable {
  public var trust: Bool?
  public var spoofchk: Bool?
  public var linkState: VFLinkState?
  /// Mbit/s
  public var minTxRate: UInt32?
  /// Mbit/s
  public var maxTxRate: UInt32?
  /// Priority of the VLAN that libvirt sets, 0...7.
  public var qos: UInt8?
  /// Protocol of the VLAN that libvirt sets.
  public var vlanProto: VLANProtocol?

  public init(
    trust: Bool? = nil, spoofchk: Bool? = nil, linkState: VFLinkState? = nil, minTxRate: UInt32? = nil,
    maxTxRate: UInt32? = nil, qos: UInt8? = nil, vlanProto: VLANProtocol? = nil
  ) {
    self.trust = trust
    self.spoofchk = spoofchk
    self.linkState = linkState
    self.minTxRate = minTxRate
    self.maxTxRate = maxTxRate
    self.qos = qos
    self.vlanProto = vlanProto
  }

  /// This policy with the gaps filled from `fallback`.
  public func over(_ fallback: VFPolicy) -> VFPolicy {
    VFPolicy(
      trust: trust ?? fallback.trust, spoofchk: spoofchk ?? fallback.spoofchk,
      linkState: linkState ?? fallback.linkState, minTxRate: minTxRate ?? fallback.minTxRate,
      maxTxRate: maxTxRate ?? fallback.maxTxRate, qos: qos ?? fallback.qos, vlanProto: vlanProto ?? fallback.vlanProto)
  }

  /// What can be written as soon as libvirt has picked the VF: all but the VLAN, which libvirt writes later.
  public var early: VFSettings {
    VFSettings(
      spoofchk: spoofchk, trust: trust, linkState: linkState, minTxRate: minTxRate, maxTxRate: maxTxRate)
  }

  /// `vlan`, which libvirt set with qos 0 and 802.1Q, with this policy's qos and protocol.
  public func completed(_ vlan: VLANTag?) -> VLANTag? {
    vlan.map { VLANTag(id: $0.id, qos: qos ?? $0.qos, proto: vlanProto ?? $0.proto) }
  }
}

/// Whether vfpool manages a pool or only watches it.
public enum PoolMode: String, Codable, Sendable {
  /// No write, no refusal, no hold.
  case observe
  case enforce
}

/// What a PF without carrier means to a pool's starts.
public enum WhenDown: String, Codable, Sendable, CaseIterable {
  /// Its VFs come last.
  case allow
  /// None of its VFs is handed out.
  case refuse
  /// Nothing: the carrier plays no part.
  case ignore
}

/// What happens when two live NICs of different guests have one MAC on one PF and VLAN.
public enum MACConflict: String, Codable, Sendable, CaseIterable { case refuse, warn }

/// What happens to the MAC bound to a NIC when its guest is defined with another one.
public enum MACPolicy: String, Codable, Sendable, CaseIterable {
  /// The binding follows at the guest's next start.
  case follow
  /// A guest that is defined anew gets its bound MACs written into its definition.
  case keep
}

extension KeyedDecodingContainer {
  /// Pools that were written before there was a choice follow.
  public func decode(_ type: MACPolicy.Type, forKey key: Key) throws -> MACPolicy {
    try decodeIfPresent(type, forKey: key) ?? .follow
  }
}

/// A change of a network that must not be left half done.
public enum UnfinishedChange: String, Codable, Sendable {
  /// It is stopped and started again.
  case restart
}

/// A pool: one libvirt network with `<forward mode='hostdev'>`, and our policy for it.
public struct Pool: Hashable, Codable, Sendable {
  public var name: String
  /// libvirt's UUID of the network, lower case with dashes; nil before it is defined.
  public var uuid: String?
  public var mode: PoolMode
  /// Where the VFs come from; empty for a pool that lists addresses only.
  public var pfs: [PoolPF]
  /// The VFs in libvirt's own order: the first free one is what libvirt hands out by itself.
  public var addresses: [PCIAddress]
  public var placement: Placement
  /// VFs that are kept for guests.
  public var reservations: [Reservation]
  /// For every NIC.
  public var policy: VFPolicy
  /// By portgroup name; laid over `policy`.
  public var portgroupPolicies: [String: VFPolicy]
  /// The VLAN of the network; nil = untagged.
  public var vlan: VLANTag?
  /// VLANs of portgroups that have one.
  public var portgroupVLANs: [String: VLANTag]
  /// Every portgroup's name.
  public var portgroups: [String]
  /// The portgroup of NICs that name none (`<portgroup default='yes'>`).
  public var defaultPortgroup: String?
  public var whenDown: WhenDown
  public var macConflict: MACConflict
  public var mac: MACPolicy
  /// Outside changes of a leased VF are put back (`enforce="yes"`), not only reported.
  public var enforcesOutsideChanges: Bool
  /// What vfpool has begun to do to the pool's network; what is left of a vfpoold that died over it is brought to its end.
  public var unfinished: UnfinishedChange?

  public init(
    name: String, uuid: String? = nil, mode: PoolMode = .enforce, pfs: [PoolPF] = [], addresses: [PCIAddress] = [],
    placement: Placement = Placement(), reservations: [Reservation] = [], policy: VFPolicy = VFPolicy(),
    portgroupPolicies: [String: VFPolicy] = [:], vlan: VLANTag? = nil, portgroupVLANs: [String: VLANTag] = [:],
    portgroups: [String] = [],
    defaultPortgroup: String? = nil, whenDown: WhenDown = .allow, macConflict: MACConflict = .refuse,
    mac: MACPolicy = .follow, enforcesOutsideChanges: Bool = false, unfinished: UnfinishedChange? = nil
  ) {
    self.name = name
    self.uuid = uuid
    self.mode = mode
    self.pfs = pfs
    self.addresses = addresses
    self.placement = placement
    self.reservations = reservations
    self.policy = policy
    self.portgroupPolicies = portgroupPolicies
    self.vlan = vlan
    self.portgroupVLANs = portgroupVLANs
    self.portgroups = portgroups
    self.defaultPortgroup = defaultPortgroup
    self.whenDown = whenDown
    self.macConflict = macConflict
    self.mac = mac
    self.enforcesOutsideChanges = enforcesOutsideChanges
    self.unfinished = unfinished
  }

  /// The policy of a NIC in `portgroup`.
  public func policy(portgroup: String?) -> VFPolicy {
    guard let name = portgroup ?? defaultPortgroup, let special = portgroupPolicies[name] else { return policy }
    return special.over(policy)
  }

  /// The VLAN that libvirt puts on a NIC in `portgroup` that names none itself.
  public func vlan(portgroup: String?) -> VLANTag? {
    (portgroup ?? defaultPortgroup).flatMap { portgroupVLANs[$0] } ?? vlan
  }
}
