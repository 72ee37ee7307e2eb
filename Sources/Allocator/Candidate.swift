import PoolModel

/// A PF of the pool, as placement sees it.
public struct CandidatePF: Hashable, Sendable {
  public var name: String
  /// Nil = unknown, or it plays no part.
  public var carrier: Bool?
  /// So many of its VFs are quarantined that the card itself is suspected.
  public var isSuspect: Bool

  public init(name: String, carrier: Bool? = nil, isSuspect: Bool = false) {
    self.name = name
    self.carrier = carrier
    self.isSuspect = isSuspect
  }
}

/// A VF of the pool, as placement sees it. Plain numbers only: there may be ten thousand of them at each start.
public struct Candidate: Hashable, Sendable {
  /// For whom a VF is kept.
  public enum Keeping: Hashable, Sendable { case nobody, thisGuest, anotherGuest }

  public var vf: PCIAddress
  /// The place of its PF in the ranking's list; nil when the host doesn't have the VF.
  public var pf: Int?
  public var standing: VFStanding.Kind
  /// Whether libvirt has a port on it, and so passes it over by itself.
  public var claimed: Bool
  /// Nil = it has none, or it isn't known.
  public var numaNode: Int?
  public var keptFor: Keeping
  /// Whether its IOMMU group holds something that the host or another guest has.
  public var sharesGroup: Bool

  public init(
    vf: PCIAddress, pf: Int?, standing: VFStanding.Kind, claimed: Bool = false, numaNode: Int? = nil,
    keptFor: Keeping = .nobody, sharesGroup: Bool = false
  ) {
    self.vf = vf
    self.pf = pf
    self.standing = standing
    self.claimed = claimed
    self.numaNode = numaNode
    self.keptFor = keptFor
    self.sharesGroup = sharesGroup
  }
}
