import ControlAPI
import Fleet
import PoolFlows
import PoolModel

/// What vfpoold sees, as the rows that the API gives.
extension HostView {
  public func pfRows() -> [PFRow] {
    inventory.pfs.map { pf in
      let mine = inventory.vfs.filter { $0.id.pf == pf.name }.compactMap { $0.pci.flatMap { standings[$0]?.standing } }
      return PFRow(
        pf, leased: mine.count { if case .leased = $0 { true } else { false } }, free: mine.count { $0 == .free })
    }
  }

  /// Every VF of the host (of one PF), and then the VFs that a pool lists and the host lacks.
  public func vfRows(of pf: PF? = nil) -> [VFRow] {
    let present = inventory.vfs.filter { pf == nil || $0.id.pf == pf?.name }.map(row)
    guard pf == nil else { return present }
    let known = Set(inventory.vfs.compactMap(\.pci))
    let gone = standings.keys.filter { !known.contains($0) }.sorted().map { pci in
      let lease = contents.leases.values.first { $0.vf == pci }
      let place = lease?.vfIndex ?? VFIndex(pf: "", index: -1)
      return VFRow(
        VF(id: place, pci: pci), pool: standings[pci]?.pool, state: .gone, guest: lease?.guest.name,
        leaseMac: lease?.mac, why: VFStanding.gone.obstacle)
    }
    return present + gone
  }

  public func row(_ vf: VF) -> VFRow {
    guard let pci = vf.pci, let (pool, standing) = standings[pci] else {
      if let use = vf.hostUse { return VFRow(vf, pool: nil, state: .hostUsed, why: use) }
      if let quarantine = vf.pci.flatMap({ contents.quarantines[$0] }) {
        return VFRow(vf, pool: nil, state: .quarantined, why: quarantine.why)
      }
      return VFRow(vf, pool: nil, state: .unpooled)
    }
    switch standing {
    case .free: return VFRow(vf, pool: pool, state: .free)
    case .leased(let lease):
      return VFRow(vf, pool: pool, state: .leased, guest: lease.guest.name, leaseMac: lease.mac)
    case .reserved(let why): return VFRow(vf, pool: pool, state: .reserved, why: why)
    case .quarantined(let quarantine): return VFRow(vf, pool: pool, state: .quarantined, why: quarantine.why)
    case .hostUsed(let how): return VFRow(vf, pool: pool, state: .hostUsed, why: how)
    case .foreign(let owner): return VFRow(vf, pool: pool, state: .reserved, why: "taken in libvirt by \(owner)")
    case .gone: return VFRow(vf, pool: pool, state: .gone)
    }
  }

  public func poolRows() -> [PoolRow] { contents.pools.values.sorted { $0.name < $1.name }.map(row) }

  public func row(_ pool: Pool) -> PoolRow {
    let fill = fill(of: pool)
    let network = networks[pool.name]
    return PoolRow(
      name: pool.name, uuid: pool.uuid, active: fill.isActive, autostart: network?.autostart ?? false,
      policy: pool.placement.policy, total: fill.total, free: fill[.free], leased: fill[.leased],
      reserved: fill[.reserved, .foreign], quarantined: fill[.quarantined], hostUsed: fill[.hostUsed],
      gone: fill[.gone], mode: pool.mode)
  }

  public func leaseRows() -> [LeaseRow] { contents.leases.values.sorted { $0.id < $1.id }.map { LeaseRow($0) } }

  public func detail(of name: String) throws(FlowError) -> PoolDetail {
    guard let pool = contents.pools[name] else {
      throw FlowError(
        .notFound, "no pool \(name); there are: \(contents.pools.keys.sorted().joined(separator: ", "))")
    }
    let vfs = pool.addresses.map { pci in
      inventory.vf(at: pci).map(row)
        ?? VFRow(VF(id: VFIndex(pf: "", index: -1), pci: pci), pool: name, state: .gone, why: VFStanding.gone.obstacle)
    }
    return PoolDetail(row: row(pool), pool: pool, vfs: vfs)
  }

  public func status(version: String) -> StatusReport {
    StatusReport(
      version: version, libvirtConnected: isConnected, pfs: pfRows(), pools: poolRows(), leases: leaseRows(),
      problems: allProblems)
  }

  /// Those of quarantined VFs, too.
  var allProblems: [String] {
    problems
      + contents.quarantines.values.sorted { $0.vf < $1.vf }.map { quarantine in
        let id = inventory.vf(at: quarantine.vf)?.id
        let name = id.map { "\($0) (\(quarantine.vf))" } ?? "\(quarantine.vf)"
        let way = "`vfpool vf unquarantine \(id.map { "\($0)" } ?? "\(quarantine.vf)")` tries it again"
        return "VF \(name) is quarantined since \(quarantine.since): \(quarantine.why); \(way)"
      }
  }
}

extension PlanReport {
  init(_ report: ReconcileReport, done: Bool) {
    let plan = Plan(steps: report.drifts.map { "\($0)" }, done: done, notes: report.failures)
    self.init(plan)
  }
}
