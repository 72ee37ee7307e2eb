import PoolModel

/// The ranking of a pool's VFs for one start: pure, values in, a choice or the reasons out.
public struct PlacementRanking: Sendable {
  public var pool: Pool
  /// In the pool's own order, which is libvirt's.
  public var candidates: [Candidate]

  public init(pool: Pool, candidates: [Candidate]) {
    self.pool = pool
    self.candidates = candidates
  }

  /// Picks one VF a NIC.
  ///
  /// Order of merit: a PF with carrier, then (when the pool is sticky) the VF that the NIC had last, then the policy,
  /// then the pool's own order. If holding what is listed before the picks would starve other starts, libvirt's first
  /// free ones are picked instead.
  public func choose(_ request: PlacementRequest) throws(PlacementRefusal) -> PlacementChoice {
    let usable = candidates.indices.filter { obstacle(candidates[$0]) == nil }
    guard usable.count >= request.lastVFs.count else { throw refusal(request) }
    var leasesPerPF: [String: Int] = [:]
    for candidate in candidates {
      if case .leased = candidate.standing, let pf = candidate.id?.pf { leasesPerPF[pf, default: 0] += 1 }
    }
    var picked: [Int] = []
    for lastVF in request.lastVFs {
      let sticky = pool.placement.sticky ? lastVF : nil
      let best = usable.filter { !picked.contains($0) }.min { a, b in
        rank(a, sticky: sticky, leasesPerPF) < rank(b, sticky: sticky, leasesPerPF)
      }
      guard let best else { throw refusal(request) }
      picked.append(best)
      if let pf = candidates[best].id?.pf { leasesPerPF[pf, default: 0] += 1 }
    }
    picked.sort()
    let holds = inTheWay(of: picked)
    let free = candidates.count { $0.standing == .free }
    let heldFree = holds.count { candidates[$0].standing == .free }
    if heldFree > 0, free - picked.count - heldFree < request.othersUnderWay {
      picked = Array(usable.prefix(picked.count))
      return choice(picked, holds: inTheWay(of: picked).filter { candidates[$0].standing != .free })
    }
    return choice(picked, holds: holds)
  }

  /// What libvirt would take before the last of `picked`. A VF recorded for another start isn't in the way: that start
  /// is under way and takes one.
  private func inTheWay(of picked: [Int]) -> [Int] {
    (0..<(picked.last ?? 0)).filter { index in
      if picked.contains(index) || candidates[index].claimed { return false }
      if case .leased = candidates[index].standing { return false }
      return true
    }
  }

  private func choice(_ picked: [Int], holds: [Int]) -> PlacementChoice {
    PlacementChoice(picks: picked.map { candidates[$0].vf }, holds: holds.map { candidates[$0].vf })
  }

  private struct Rank: Comparable {
    var noCarrier: Int
    var notSticky: Int
    var leasesOnPF: Int
    var position: Int

    static func < (a: Rank, b: Rank) -> Bool {
      (a.noCarrier, a.notSticky, a.leasesOnPF, a.position) < (b.noCarrier, b.notSticky, b.leasesOnPF, b.position)
    }
  }

  private func rank(_ index: Int, sticky: PCIAddress?, _ leasesPerPF: [String: Int]) -> Rank {
    let candidate = candidates[index]
    let spreads = pool.placement.policy == .spread
    return Rank(
      noCarrier: candidate.carrier == false ? 1 : 0, notSticky: sticky == candidate.vf ? 0 : 1,
      leasesOnPF: spreads ? candidate.id.map { leasesPerPF[$0.pf] ?? 0 } ?? 0 : 0, position: index)
  }

  private func obstacle(_ candidate: Candidate) -> String? {
    if let obstacle = candidate.standing.obstacle { return obstacle }
    if pool.whenDown == .refuse, candidate.carrier == false {
      return "\(candidate.id?.pf ?? "its PF") has no carrier, and the pool says whenDown=\"refuse\""
    }
    return nil
  }

  private func refusal(_ request: PlacementRequest) -> PlacementRefusal {
    PlacementRefusal(
      pool: pool.name, guest: request.guest, wanted: request.lastVFs.count,
      obstacles: candidates.map { candidate in
        let why = obstacle(candidate)
        let kind = candidate.standing == .free && why != nil ? "without carrier" : candidate.standing.kind
        return .init(vf: candidate.vf, id: candidate.id, kind: kind, why: why)
      })
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
