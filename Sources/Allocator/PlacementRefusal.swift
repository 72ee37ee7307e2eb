import PoolModel

/// Why no VF can be had, for whoever started the guest.
public struct PlacementRefusal: Error, Hashable, Sendable {
  public var pool: String
  public var guest: GuestID
  /// How many NICs of the guest want a VF of this pool.
  public var wanted: Int
  public var shortage: PlacementShortage
  /// How many VFs the pool has.
  public var total: Int
  /// The VFs that can't be had, in the pool's order.
  public var obstacles: [Obstacle]

  /// A VF that can't be had.
  public struct Obstacle: Hashable, Sendable {
    public var vf: PCIAddress
    /// Nil when the host doesn't have it.
    public var id: VFIndex?
    public var kind: ObstacleKind
    /// The guest that has it.
    public var holder: String?
    /// In words.
    public var why: String
    /// It is reserved for the guest that asks.
    public var isKeptForGuest: Bool

    public init(
      vf: PCIAddress, id: VFIndex?, kind: ObstacleKind, holder: String? = nil, why: String, isKeptForGuest: Bool = false
    ) {
      self.vf = vf
      self.id = id
      self.kind = kind
      self.holder = holder
      self.why = why
      self.isKeptForGuest = isKeptForGuest
    }
  }

  public init(
    pool: String, guest: GuestID, wanted: Int, shortage: PlacementShortage, total: Int, obstacles: [Obstacle]
  ) {
    self.pool = pool
    self.guest = guest
    self.wanted = wanted
    self.shortage = shortage
    self.total = total
    self.obstacles = obstacles
  }
}

extension PlacementRefusal: CustomStringConvertible {
  /// Several lines, the most useful first: who has what and why, VFs with the same reason in one line.
  public var description: String {
    switch shortage {
    case .quota(let most):
      return "pool \(pool): guest \(guest.name) may have at most \(most) of its VFs at a time (quota) and asks for "
        + "\(wanted); give it fewer NICs of this pool, or raise quota= in the netdef"
    case .othersUnderWay(let others):
      return
        "pool \(pool): no VF for guest \(guest.name) right now, because \(others) other NICs are being started and "
        + "could get only what it mustn't have; start it again"
    case .tooFew where total == 0: return "pool \(pool): has no VFs, so none for guest \(guest.name)"
    case .tooFew(let usable, let promised):
      let need = wanted == 1 ? "no free VF" : "\(usable) free VFs for \(wanted) NICs"
      let others =
        promised == 0 ? nil : "\(promised) of \(total) \(promised == 1 ? "goes" : "go") to guests being started"
      let all = [counts, others].compactMap(\.self).filter { !$0.isEmpty }.joined(separator: ", ")
      return (["pool \(pool): \(need) for guest \(guest.name): \(all)"] + lines).joined(separator: "\n  ")
    }
  }

  /// `12 of 14 are leased, 2 of 14 quarantined`: the most frequent first.
  private var counts: String {
    ObstacleKind.allCases.map { kind in (kind: kind, count: obstacles.count { $0.kind == kind }) }
      .filter { $0.count > 0 }.sorted { $0.count > $1.count }
      .map { "\($0.count) of \(total) \($0.kind.words)" }.joined(separator: ", ")
  }

  /// What stands in one line.
  private struct Reason: Hashable {
    var isKeptForGuest: Bool
    var kind: ObstacleKind
    /// Of leased VFs, whose holders are named one by one, the PF; of others the words.
    var detail: String
  }

  private var lines: [String] {
    let reason = { (obstacle: Obstacle) in
      Reason(
        isKeptForGuest: obstacle.isKeptForGuest, kind: obstacle.kind,
        detail: obstacle.kind == .leased && obstacle.holder != nil ? obstacle.id?.pf ?? "" : obstacle.why)
    }
    let groups = Dictionary(grouping: obstacles, by: reason)
    let reasons = obstacles.map(reason).firstOnes
    let ordered = [true, false].flatMap { kept in
      ObstacleKind.allCases.flatMap { kind in reasons.filter { $0.isKeptForGuest == kept && $0.kind == kind } }
    }
    return ordered.map { reason in
      let group = groups[reason] ?? []
      let holders = group.contains { $0.holder == nil } || reason.kind != .leased ? reason.detail : Self.holders(group)
      return "\(Self.names(group))\(reason.isKeptForGuest ? ", reserved for it" : ""): \(holders)"
    }
  }

  /// `enp1s0/0-3,5, 0000:02:10.0`
  private static func names(_ group: [Obstacle]) -> String {
    let pfs = group.compactMap(\.id?.pf).firstOnes
    let placed = pfs.map { pf in "\(pf)/\(Set(group.compactMap { $0.id?.pf == pf ? $0.id?.index : nil }).list)" }
    return (placed + group.filter { $0.id == nil }.map { "\($0.vf)" }).joined(separator: ", ")
  }

  /// `leased to web1 (0), db (1-2)`
  private static func holders(_ group: [Obstacle]) -> String {
    let guests = group.compactMap(\.holder).firstOnes
    if group.count == 1 { return "leased to \(guests.joined())" }
    return "leased to "
      + guests.map { guest in
        let mine = group.filter { $0.holder == guest }
        let numbers = Set(mine.compactMap(\.id?.index)).list
        return "\(guest) (\(numbers.isEmpty ? mine.map { "\($0.vf)" }.joined(separator: ", ") : numbers))"
      }.joined(separator: ", ")
  }
}
