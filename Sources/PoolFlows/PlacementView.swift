import PoolModel

/// What a guest's start would get of a pool, and why.
public struct PlacementView: Hashable, Sendable {
  public var pool: String
  public var placement: Placement
  public var guest: GuestID
  /// The host's NUMA nodes that the guest runs on; empty = it doesn't say.
  public var numaNodes: Set<Int>
  /// How many NICs of the guest want a VF of the pool.
  public var nics: Int
  /// One VF a NIC; empty when the start would be refused.
  public var picks: [PCIAddress] = []
  /// What would be held in libvirt until it has picked.
  public var holds: [PCIAddress] = []
  /// What the start would be refused with; nil = it wouldn't.
  public var refusal: String?
  /// In the order in which a start would take them.
  public var vfs: [Ranked] = []

  /// A VF of the pool.
  public struct Ranked: Hashable, Sendable {
    public var vf: PCIAddress
    /// Nil when the host doesn't have it.
    public var id: VFIndex?
    /// From 1; nil = it can't be had.
    public var rank: Int?
    /// The NIC that would get it, from 0 among the guest's NICs of the pool.
    public var nic: Int?
    /// It would be held while the guest starts.
    public var isHeld: Bool
    /// Nil = it can be had.
    public var obstacle: ObstacleKind?
    /// The guest that has it.
    public var holder: String?
    /// What ranks it there, or stands in the way, in words.
    public var why: String
  }
}
