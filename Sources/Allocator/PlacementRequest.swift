import PoolModel

/// A VF of the pool, as placement sees it.
public struct Candidate: Hashable, Sendable {
  public var vf: PCIAddress
  /// Nil when the host doesn't have it.
  public var id: VFIndex?
  public var standing: VFStanding
  /// Whether libvirt has a port on it, and so passes it over by itself.
  public var claimed: Bool
  /// Of its PF; nil = unknown.
  public var carrier: Bool?

  public init(vf: PCIAddress, id: VFIndex?, standing: VFStanding, claimed: Bool = false, carrier: Bool? = nil) {
    self.vf = vf
    self.id = id
    self.standing = standing
    self.claimed = claimed
    self.carrier = carrier
  }
}

/// What a guest's start asks of one pool.
public struct PlacementRequest: Hashable, Sendable {
  public var guest: GuestID
  /// The VF that each NIC had last, in the order of the guest's NICs of this pool.
  public var lastVFs: [PCIAddress?]
  /// Free VFs that must stay free of holds, because other starts under way will take one each.
  public var othersUnderWay: Int

  public init(guest: GuestID, lastVFs: [PCIAddress?], othersUnderWay: Int = 0) {
    self.guest = guest
    self.lastVFs = lastVFs
    self.othersUnderWay = othersUnderWay
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

/// Why no VF can be had, for whoever started the guest.
public struct PlacementRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  public var pool: String
  public var guest: GuestID
  /// How many NICs of the guest want a VF of this pool.
  public var wanted: Int
  /// Every VF of the pool with what stands in the way, in the pool's order; nil = it could be had.
  public var obstacles: [Obstacle]

  public struct Obstacle: Hashable, Sendable {
    public var vf: PCIAddress
    public var id: VFIndex?
    public var kind: String
    public var why: String?

    public init(vf: PCIAddress, id: VFIndex?, kind: String, why: String?) {
      self.vf = vf
      self.id = id
      self.kind = kind
      self.why = why
    }
  }

  /// Several lines, the most useful first.
  public var description: String {
    let total = obstacles.count
    if total == 0 { return "pool \(pool): has no VFs, so none for guest \(guest.name)" }
    let free = obstacles.count { $0.why == nil }
    var kinds: [(kind: String, count: Int)] = []
    for obstacle in obstacles where obstacle.why != nil {
      if let at = kinds.firstIndex(where: { $0.kind == obstacle.kind }) {
        kinds[at].count += 1
      } else {
        kinds.append((obstacle.kind, 1))
      }
    }
    kinds.sort { $0.count > $1.count }
    let counts = kinds.map { "\($0.count) of \(total) \($0.kind == "leased" ? "are leased" : $0.kind)" }
    let need = wanted == 1 ? "no free VF" : "\(free) free VFs for \(wanted) NICs"
    var lines = ["pool \(pool): \(need) for guest \(guest.name): \(counts.joined(separator: ", "))"]
    for obstacle in obstacles {
      guard let why = obstacle.why else { continue }
      lines.append("  \(obstacle.id.map { "\($0) " } ?? "")\(obstacle.vf): \(why)")
    }
    return lines.joined(separator: "\n")
  }
}
