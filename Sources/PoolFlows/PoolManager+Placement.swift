import Allocator
import LibvirtXML
import PoolModel

/// Which VFs a guest's NICs get, and why.
extension PoolManager {
  /// Asks placement; before a refusal the truth is read from libvirt, lest a port whose end we missed refuses a start.
  ///
  /// `first`: the position of the first of these NICs among the guest's NICs of the pool. `patience`: how long libvirt's
  /// answer may take.
  func choose(
    _ guest: GuestDescription, nics: Int, _ pool: Pool, first: Int = 0, within patience: Duration
  ) async throws(PlacementRefusal) -> PlacementChoice {
    do {
      return try ranking(pool, for: guest.guest).choose(request(guest, nics: nics, pool, first: first))
    } catch {
      await lookBeforeRefusal([pool.name], within: patience)
      await refreshInventory()
    }
    let (ranking, request) = (ranking(pool, for: guest.guest), request(guest, nics: nics, pool, first: first))
    do { return try ranking.choose(request) } catch { throw refusal(error, pool, ranking, request) }
  }

  /// Why libvirt, let pick for itself, would find too few VFs; nil = it won't. From memory alone: when many guests start
  /// at once, libvirt has no thread left that could answer.
  func shortage(_ guest: GuestDescription, nics: Int, _ pool: Pool) -> PlacementRefusal? {
    let (ranking, request) = (ranking(pool, for: guest.guest), request(guest, nics: nics, pool))
    return ranking.shortageUnplaced(request).map { refusal($0, pool, ranking, request) }
  }

  /// `runs` = false: the VFs that the guest has now count as free.
  private func request(
    _ guest: GuestDescription, nics: Int, _ pool: Pool, first: Int = 0, runs: Bool = true
  ) -> PlacementRequest {
    let uuid = guest.guest.uuid
    return PlacementRequest(
      guest: guest.guest,
      lastVFs: (first..<(first + nics)).map {
        contents.bindings[.init(guestUUID: uuid, pool: pool.name, nic: $0)]?.lastVF
      },
      numaNodes: guest.memoryNodes.isEmpty ? inventory.numaNodes(ofCPUs: guest.cpus) : guest.memoryNodes,
      held: runs ? contents.leases(of: uuid).count { $0.pool == pool.name && $0.state.holdsVF } : 0,
      unplaced: contents.unplacedStarts(in: pool.name, besides: uuid), waiting: turns.waiting(for: pool.name))
  }

  /// `runs` = false: the VFs that the guest has now count as free.
  func ranking(_ pool: Pool, for guest: GuestID, runs: Bool = true) -> PlacementRanking {
    let layout = layout(of: pool)
    var candidates = layout.candidates
    let claims = claims()
    for place in candidates.indices {
      var candidate = candidates[place]
      candidate.standing = claims.standing(
        of: candidate.vf, isThere: candidate.pf != nil, isHostUsed: candidate.standing == .hostUsed)
      candidate.claimed = claims.isClaimed(candidate.vf)
      candidates[place] = candidate
    }
    if !runs {
      let own = Set(contents.leases(of: guest.uuid).compactMap(\.vf))
      for place in candidates.indices where own.contains(candidates[place].vf) {
        (candidates[place].standing, candidates[place].claimed) = (.free, false)
      }
    }
    for place in layout.reservedPlaces {
      let isOwn = layout.reservations[candidates[place].vf]?.isFor(guest) == true
      candidates[place].keptFor = isOwn ? .thisGuest : .anotherGuest
    }
    for (place, others) in layout.grouped where others.contains(where: { holder(of: $0, besides: guest) != nil }) {
      candidates[place].sharesGroup = true
    }
    let suspects = suspectPFs
    return PlacementRanking(
      placement: pool.placement, whenDown: pool.whenDown,
      pfs: layout.pfs.map { name in
        CandidatePF(
          name: name, carrier: inventory.pf(named: name).flatMap { carrier(of: $0, for: pool) },
          isSuspect: suspects.contains(name))
      }, candidates: candidates)
  }

  func layout(of pool: Pool) -> PoolLayout {
    if let known = layouts[pool.name], known.pool == pool { return known }
    let made = PoolLayout(pool, inventory)
    layouts[pool.name] = made
    return made
  }

  /// The name of another guest that has a device, by lease or by a port of its own.
  private func holder(of vf: PCIAddress, besides guest: GuestID) -> String? {
    guard let holder = contents.lease(holding: vf)?.guest ?? ports.guestPort(on: vf)?.owner else { return nil }
    return holder.uuid == guest.uuid ? nil : holder.name
  }

  // MARK: In words

  private func refusal(
    _ shortage: PlacementShortage, _ pool: Pool, _ ranking: PlacementRanking, _ request: PlacementRequest
  ) -> PlacementRefusal {
    PlacementRefusal(
      pool: pool.name, guest: request.guest, wanted: request.lastVFs.count, shortage: shortage,
      total: ranking.candidates.count,
      obstacles: zip(ranking.candidates, ranking.obstacles(request)).compactMap { candidate, kind in
        kind.map { obstacle($0, candidate, pool, request) }
      })
  }

  private func obstacle(
    _ kind: ObstacleKind, _ candidate: Candidate, _ pool: Pool, _ request: PlacementRequest
  ) -> PlacementRefusal.Obstacle {
    let found = inventory.vf(at: candidate.vf)
    let lease = contents.lease(holding: candidate.vf)
    let why: String? =
      switch kind {
      case .noCarrier: "\(found?.id.pf ?? "its PF") has no carrier, and the pool says whenDown=\"refuse\""
      case .farFromGuest:
        "on NUMA node \(candidate.numaNode.map { "\($0)" } ?? "?"), while \(request.guest.name) runs on "
          + "\(request.numaNodes.list), and the pool says numa=\"strict\""
      case .sharedGroup: found?.iommuGroup.map { companion(in: $0, besides: request.guest) }
      case .reserved: layout(of: pool).reservations[candidate.vf].map { "reserved for guest \($0.guest)" }
      case .held where candidate.standing == .free:
        contents.holds.values.first { $0.vf == candidate.vf }?.guest.map { "held while guest \($0.name) starts" }
      default: standings(of: [candidate.vf]).first?.obstacle
      }
    return .init(
      vf: candidate.vf, id: found?.id ?? lease?.vfIndex, kind: kind, holder: kind == .leased ? lease?.guest.name : nil,
      why: why ?? kind.words, isKeptForGuest: candidate.keptFor == .thisGuest)
  }

  /// Who else is in an IOMMU group, so that no other guest can have a device of it.
  private func companion(in group: IOMMUGroup, besides guest: GuestID) -> String {
    let name = { (pci: PCIAddress) in self.inventory.vf(at: pci).map { "\($0.id)" } ?? "\(pci)" }
    let words = "its IOMMU group \(group.number) also holds "
    if let blocker = group.blockers.first {
      return "\(words)\(name(blocker.pci)), which the host has (\(blocker.driver))"
    }
    for other in group.others {
      if let holder = holder(of: other, besides: guest) { return "\(words)\(name(other)), which guest \(holder) has" }
    }
    return "\(words)other devices"
  }

  // MARK: explain

  /// What a start of a defined guest would get of a pool now, and why. Changes nothing.
  public func explainPlacement(pool name: String, guest text: String) async throws -> PlacementView {
    let pool = try pool(named: name)
    guard pool.mode == .enforce else {
      throw FlowError(
        .refused,
        "pool \(name) is only observed: libvirt hands out the first free VF of its list (`vfpool pool enforce \(name)`)"
      )
    }
    try needLibvirt()
    guard let guest = try await guests.definition(of: text) else {
      throw FlowError(.notFound, "no guest \(text); name a defined one by its name or UUID (`virsh list --all`)")
    }
    await refreshInventory()
    let nics = guest.nics(ofPool: name).count
    guard nics > 0 else {
      throw FlowError(
        .invalid, "guest \(guest.guest.name) has no NIC of pool \(name) (`vfpool guest xml --pool \(name)`)")
    }
    let ranking = ranking(pool, for: guest.guest, runs: false)
    let request = request(guest, nics: nics, pool, runs: false)
    var view = PlacementView(
      pool: name, placement: pool.placement, guest: guest.guest, numaNodes: request.numaNodes, nics: nics)
    do {
      let choice = try ranking.choose(request)
      (view.picks, view.holds) = (choice.picks, choice.holds)
    } catch {
      view.refusal = "\(refusal(error, pool, ranking, request))"
    }
    let held = Set(view.holds)
    view.vfs = ranking.ranked(request).map { ranked -> PlacementView.Ranked in
      let candidate = ranking.candidates[ranked.place]
      let obstacle = ranked.obstacle.map { self.obstacle($0, candidate, pool, request) }
      return PlacementView.Ranked(
        vf: candidate.vf, id: obstacle?.id ?? inventory.vf(at: candidate.vf)?.id, rank: ranked.rank, nic: ranked.nic,
        isHeld: held.contains(candidate.vf), obstacle: ranked.obstacle, holder: obstacle?.holder,
        why: obstacle?.why ?? ranked.merits.joined(separator: ", "))
    }
    return view
  }
}
