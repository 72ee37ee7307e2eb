import PoolModel

/// What a guest's start asks of one pool.
public struct PlacementRequest: Hashable, Sendable {
  public var guest: GuestID
  /// The VF that each NIC had last, in the order of the guest's NICs of this pool.
  public var lastVFs: [PCIAddress?]
  /// The NUMA nodes that the guest runs on; empty = it doesn't say.
  public var numaNodes: Set<Int>
  /// How many VFs of the pool the guest has already.
  public var held: Int
  /// NICs of other starts that libvirt was let pick VFs for and hasn't yet: each takes one.
  public var unplaced: Int
  /// NICs of other starts that wait to be placed: they, too, want a VF that isn't held.
  public var waiting: Int

  /// Free VFs that must stay free of holds, because other starts under way will take one each.
  var othersUnderWay: Int { unplaced + waiting }

  public init(
    guest: GuestID, lastVFs: [PCIAddress?], numaNodes: Set<Int> = [], held: Int = 0, unplaced: Int = 0, waiting: Int = 0
  ) {
    self.guest = guest
    self.lastVFs = lastVFs
    self.numaNodes = numaNodes
    self.held = held
    self.unplaced = unplaced
    self.waiting = waiting
  }
}

/// Which VFs a guest's NICs get, and what makes libvirt's “first free” agree.
public struct PlacementChoice: Hashable, Sendable {
  /// One VF a NIC, ascending in the pool's order: so libvirt serves a guest's NICs.
  public var picks: [PCIAddress]
  /// VFs listed before a pick that libvirt would take first, to be claimed until it has picked. Usually empty.
  public var holds: [PCIAddress]

  public init(picks: [PCIAddress], holds: [PCIAddress]) {
    self.picks = picks
    self.holds = holds
  }
}

/// Why a start can't be placed.
public enum PlacementShortage: Error, Hashable, Sendable {
  /// Fewer VFs can be had than the guest has NICs; `promised`: how many more go to other starts under way.
  case tooFew(usable: Int, promised: Int = 0)
  /// The pool lets one guest have only so many.
  case quota(Int)
  /// The VFs that the guest may have are listed behind others, and holding those would starve so many other starts.
  case othersUnderWay(Int)
}

/// A place in the order in which a start would take a pool's VFs.
public struct RankedVF: Hashable, Sendable {
  /// The place in the ranking's candidates.
  public var place: Int
  /// From 1; nil = it can't be had.
  public var rank: Int?
  /// The NIC that gets it, from 0 among the guest's NICs of this pool; nil = none.
  public var nic: Int?
  public var obstacle: ObstacleKind?
  /// What counts for and against it, the weightiest first; empty = it can't be had.
  public var merits: [String]
}
