import PoolModel

/// The ranking of a pool's VFs for one start: pure, values in, a choice or the reasons out.
public struct PlacementRanking: Sendable {
  public var placement: Placement
  public var whenDown: WhenDown
  public var pfs: [CandidatePF]
  /// In the pool's own order, which is libvirt's.
  public var candidates: [Candidate]

  public init(placement: Placement, whenDown: WhenDown, pfs: [CandidatePF], candidates: [Candidate]) {
    self.placement = placement
    self.whenDown = whenDown
    self.pfs = pfs
    self.candidates = candidates
  }

  /// Picks one VF a NIC.
  ///
  /// Order of merit: kept for this guest, a PF with carrier that isn't suspected, near the guest (when the pool minds
  /// NUMA), the VF that the NIC had last (when it is sticky), the policy, the pool's own order. If holding what is listed
  /// before the picks would starve other starts, libvirt's first usable ones are picked instead.
  public func choose(_ request: PlacementRequest) throws(PlacementShortage) -> PlacementChoice {
    let places = try picks(request, Merits(self, request))
    return PlacementChoice(
      picks: places.map { candidates[$0].vf }, holds: inTheWay(of: places).map { candidates[$0].vf })
  }

  /// All VFs in the order in which such a start would take them: its picks, then what the next NIC would get; at last
  /// those that can't be had, in the pool's order.
  public func ranked(_ request: PlacementRequest) -> [RankedVF] {
    let now = Merits(self, request)
    let picked = (try? picks(request, now)) ?? []
    var merits = now
    for place in picked { merits.count(candidates[place]) }
    let had = Set(request.lastVFs.compactMap(\.self))
    let rest = candidates.indices.filter { merits.isUsable($0) && !picked.contains($0) }
      .map { (merit: merits.merit(of: $0, in: self, wasLast: had.contains(candidates[$0].vf)), place: $0) }
      .sorted { $0.merit < $1.merit }.map(\.place)
    let usable = (picked + rest).enumerated().map { rank, place in
      RankedVF(
        place: place, rank: rank + 1, nic: picked.firstIndex(of: place), obstacle: nil,
        merits: words(candidates[place], place, request, now, wasLast: had.contains(candidates[place].vf)))
    }
    return usable
      + candidates.indices.filter { !merits.isUsable($0) }.map {
        RankedVF(place: $0, rank: nil, nic: nil, obstacle: obstacle(candidates[$0], near: merits.near), merits: [])
      }
  }

  /// What stands in the way of each VF; nil = nothing.
  public func obstacles(_ request: PlacementRequest) -> [ObstacleKind?] {
    let near = NearNodes(request.numaNodes)
    return candidates.map { obstacle($0, near: near) }
  }

  /// What keeps libvirt from giving the guest its VFs when it is let pick them; nil = nothing. What is held for a start is
  /// let go for that.
  public func shortageUnplaced(_ request: PlacementRequest) -> PlacementShortage? {
    if let quota = placement.quota, request.held + request.lastVFs.count > quota { return .quota(quota) }
    let near = NearNodes(request.numaNodes)
    let open = candidates.count { candidate in
      let obstacle = obstacle(candidate, near: near)
      return obstacle == nil || obstacle == .held && candidate.standing == .free
    }
    let left = max(0, open - request.unplaced)
    return left >= request.lastVFs.count ? nil : .tooFew(usable: left, promised: open - left)
  }

  /// The places of the picks, ascending.
  private func picks(_ request: PlacementRequest, _ merits: Merits) throws(PlacementShortage) -> [Int] {
    let wanted = request.lastVFs.count
    if let quota = placement.quota, request.held + wanted > quota { throw .quota(quota) }
    let left = max(0, merits.usable - request.unplaced)
    guard left >= wanted else { throw .tooFew(usable: left, promised: merits.usable - left) }
    var merits = merits
    var picked: [Int] = []
    for lastVF in request.lastVFs {
      let sticky = placement.sticky ? lastVF : nil
      var best: (merit: UInt64, place: Int)?
      for place in candidates.indices where merits.isUsable(place) {
        let merit = merits.merit(of: place, in: self, wasLast: candidates[place].vf == sticky)
        if merit < best?.merit ?? .max, !picked.contains(place) { best = (merit, place) }
      }
      guard let best else { throw .tooFew(usable: left) }
      picked.append(best.place)
      merits.count(candidates[best.place])
    }
    picked.sort()
    guard starves(request.othersUnderWay, picked) else { return picked }
    // Whatever is picked, what is listed before the last pick is lost to others: the first usable ones cost the least.
    picked = Array(candidates.indices.lazy.filter { merits.isUsable($0) }.prefix(wanted))
    // Who waits has the holds dropped before libvirt picks.
    if starves(request.unplaced, picked) { throw .othersUnderWay(request.unplaced) }
    return picked
  }

  /// Whether the holds that `picked` needs leave fewer VFs than there are other starts under way.
  private func starves(_ others: Int, _ picked: [Int]) -> Bool {
    guard others > 0, let last = picked.last,
      inTheWay(of: picked).contains(where: { isForAnyone(candidates[$0]) })
    else { return false }
    return candidates[(last + 1)...].count(where: isForAnyone) < others
  }

  /// Whether a start that isn't placed may take it.
  private func isForAnyone(_ candidate: Candidate) -> Bool {
    candidate.standing == .free && candidate.keptFor == .nobody && !candidate.claimed
  }

  /// What libvirt would take before the last of `picked`. A VF recorded for another start isn't in the way: that start
  /// is under way and takes one.
  private func inTheWay(of picked: [Int]) -> [Int] {
    (0..<(picked.last ?? 0)).filter { place in
      !candidates[place].claimed && candidates[place].standing != .leased && !picked.contains(place)
    }
  }

  fileprivate func obstacle(_ candidate: Candidate, near: NearNodes) -> ObstacleKind? {
    if let obstacle = candidate.standing.obstacle { return obstacle }
    if candidate.claimed { return .held }
    if candidate.keptFor == .anotherGuest { return .reserved }
    if whenDown == .refuse, let pf = candidate.pf, pfs[pf].carrier == false { return .noCarrier }
    if placement.numa == .strict, near.nearness(candidate.numaNode) == .far { return .farFromGuest }
    return candidate.sharesGroup ? .sharedGroup : nil
  }

  private func words(
    _ candidate: Candidate, _ place: Int, _ request: PlacementRequest, _ merits: Merits, wasLast: Bool
  ) -> [String] {
    var words: [String] = []
    if candidate.keptFor == .thisGuest { words.append("reserved for \(request.guest.name)") }
    if let pf = candidate.pf.map({ pfs[$0] }) {
      if pf.isSuspect { words.append("\(pf.name) has many VFs in quarantine") }
      if let carrier = pf.carrier { words.append("\(pf.name) has \(carrier ? "its" : "no") carrier") }
    }
    if placement.numa != .ignore, !request.numaNodes.isEmpty {
      switch merits.near.nearness(candidate.numaNode) {
      case .near: words.append("NUMA node \(candidate.numaNode ?? 0) is near")
      case .unknown: words.append("its NUMA node isn't known")
      case .far: words.append("NUMA node \(candidate.numaNode ?? 0) is far")
      }
    }
    if placement.sticky, wasLast { words.append("\(request.guest.name) had it last") }
    if placement.policy == .spread, let pf = candidate.pf {
      words.append("\(merits.leases[pf]) leased on \(pfs[pf].name)")
    }
    return words + ["place \(place + 1) in the pool"]
  }
}

/// Which NUMA nodes are a guest's, by number.
struct NearNodes {
  enum Nearness: UInt64 { case near, unknown, far }

  private let isNear: [Bool]

  init(_ nodes: Set<Int>) { isNear = nodes.max().map { (0...$0).map(nodes.contains) } ?? [] }

  /// A guest that doesn't say where it runs is near everything.
  func nearness(_ node: Int?) -> Nearness {
    if isNear.isEmpty { return .near }
    guard let node else { return .unknown }
    return isNear.indices.contains(node) && isNear[node] ? .near : .far
  }
}

/// The candidates' merits as numbers, the less the better. What doesn't change from NIC to NIC is worked out once.
private struct Merits {
  let near: NearNodes
  private var fixed: [UInt64] = []
  /// By PF.
  private(set) var leases: [Int]
  private(set) var usable = 0

  private static let notKept: UInt64 = 1 << 60
  private static let unhealthy: UInt64 = 1 << 59
  private static let nearness: UInt64 = 1 << 57
  private static let notLast: UInt64 = 1 << 56
  private static let lease: UInt64 = 1 << 32

  init(_ ranking: PlacementRanking, _ request: PlacementRequest) {
    near = NearNodes(request.numaNodes)
    leases = Array(repeating: 0, count: ranking.pfs.count)
    let isUnhealthy = ranking.pfs.map { $0.carrier == false || $0.isSuspect }
    fixed.reserveCapacity(ranking.candidates.count)
    for (place, candidate) in ranking.candidates.enumerated() {
      if candidate.standing == .leased { count(candidate) }
      guard ranking.obstacle(candidate, near: near) == nil else {
        fixed.append(.max)
        continue
      }
      usable += 1
      var merit = UInt64(place)
      if candidate.keptFor != .thisGuest { merit |= Self.notKept }
      if let pf = candidate.pf, isUnhealthy[pf] { merit |= Self.unhealthy }
      if ranking.placement.numa != .ignore { merit |= near.nearness(candidate.numaNode).rawValue * Self.nearness }
      fixed.append(merit)
    }
  }

  func isUsable(_ place: Int) -> Bool { fixed[place] != .max }

  /// Of a usable one.
  func merit(of place: Int, in ranking: PlacementRanking, wasLast: Bool) -> UInt64 {
    var merit = fixed[place]
    if !(wasLast && ranking.placement.sticky) { merit |= Self.notLast }
    if ranking.placement.policy == .spread, let pf = ranking.candidates[place].pf {
      merit |= UInt64(leases[pf]) * Self.lease
    }
    return merit
  }

  /// Counts a VF as leased.
  mutating func count(_ candidate: Candidate) {
    if let pf = candidate.pf { leases[pf] += 1 }
  }
}

/// The order in which a pool lists its VFs, so that libvirt's “first free” is usually the policy's choice too.
///
/// `pack` lists one PF after the other; `spread` takes a VF of each PF in turn.
public func listOrder(_ vfsByPF: [[PCIAddress]], policy: PlacementPolicy) -> [PCIAddress] {
  switch policy {
  case .pack: return vfsByPF.flatMap(\.self)
  case .spread:
    let longest = vfsByPF.map(\.count).max() ?? 0
    return (0..<longest).flatMap { place in vfsByPF.compactMap { place < $0.count ? $0[place] : nil } }
  }
}
