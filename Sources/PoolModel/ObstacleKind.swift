/// What stands between a NIC and a VF of its pool; the most useful to know first.
public enum ObstacleKind: String, Codable, Hashable, Sendable, CaseIterable {
  /// Its PF has no carrier, and the pool says `whenDown="refuse"`.
  case noCarrier
  /// It isn't near the guest, and the pool says `numa="strict"`.
  case farFromGuest
  /// Its IOMMU group holds something that the host or another guest has.
  case sharedGroup
  case leased
  /// It is reserved for another guest.
  case reserved
  case quarantined
  case hostUsed
  /// libvirt has a port on it that is no lease of ours.
  case foreign
  /// A hold of ours is on it.
  case held
  /// The pool lists it, the host doesn't have it.
  case gone
}

extension ObstacleKind {
  /// For counting: “3 of 7 are leased”.
  public var words: String {
    switch self {
    case .noCarrier: "without carrier"
    case .farFromGuest: "far from its NUMA nodes"
    case .sharedGroup: "in a shared IOMMU group"
    case .leased: "are leased"
    case .reserved: "reserved for others"
    case .quarantined: "quarantined"
    case .hostUsed: "used by the host"
    case .foreign: "taken by others"
    case .held: "held"
    case .gone: "gone"
    }
  }
}

extension VFStanding.Kind {
  /// Nil = it stands in nobody's way.
  public var obstacle: ObstacleKind? {
    switch self {
    case .free: nil
    case .leased: .leased
    case .reserved: .held
    case .quarantined: .quarantined
    case .hostUsed: .hostUsed
    case .foreign: .foreign
    case .gone: .gone
    }
  }
}
