import PoolModel

/// `vfpool pool explain P --guest G`: what a start of the guest would get of the pool, and why.
public struct PlacementReport: Codable, Hashable, Sendable {
  public var pool: String
  public var guest: String
  public var guestUUID: String
  public var placement: Placement
  /// The host's NUMA nodes that the guest runs on, ascending; empty = it doesn't say.
  public var numaNodes: [Int]
  /// How many NICs of the guest want a VF of the pool.
  public var nics: Int
  /// What the start would be refused with; null = it wouldn't.
  @OrNull public var refusal: String?
  /// In the order in which a start would take them; those that can't be had come last.
  public var vfs: [PlacementRow]

  public init(
    pool: String, guest: GuestID, placement: Placement, numaNodes: [Int], nics: Int, refusal: String?,
    vfs: [PlacementRow]
  ) {
    self.pool = pool
    self.guest = guest.name
    guestUUID = guest.uuid
    self.placement = placement
    self.numaNodes = numaNodes
    self.nics = nics
    self.vfs = vfs
    _refusal = OrNull(wrappedValue: refusal)
  }
}

/// A VF of the pool, as `vfpool pool explain --json` prints it.
public struct PlacementRow: Codable, Hashable, Sendable {
  /// From 1; null = it can't be had.
  @OrNull public var rank: Int?
  @OrNull public var pf: String?
  @OrNull public var index: Int?
  public var pci: PCIAddress
  /// The NIC that would get it, from 0 among the guest's NICs of the pool; null = none.
  @OrNull public var nic: Int?
  /// It would be held in libvirt while the guest starts, so that this gets its picks.
  public var held: Bool
  /// What stands in the way; null = nothing.
  @OrNull public var kind: ObstacleKind?
  /// The guest that has it.
  @OrNull public var guest: String?
  /// What ranks it there, or stands in the way, in words.
  public var why: String

  public init(
    rank: Int?, id: VFIndex?, pci: PCIAddress, nic: Int?, held: Bool, kind: ObstacleKind?, guest: String?, why: String
  ) {
    self.pci = pci
    self.held = held
    self.why = why
    _rank = OrNull(wrappedValue: rank)
    _pf = OrNull(wrappedValue: id?.pf)
    _index = OrNull(wrappedValue: id?.index)
    _nic = OrNull(wrappedValue: nic)
    _kind = OrNull(wrappedValue: kind)
    _guest = OrNull(wrappedValue: guest)
  }
}
