import ControlAPI
import Doctor
import PoolModel

/// What vfpoold says of itself and of its pools; each question is asked once.
struct DaemonChecks {
  var status: () throws(ControlClientError) -> StatusReport
  var vfs: () throws(ControlClientError) -> [VFRow]
  /// What differs between kernel, libvirt and ledger, as a plan.
  var drifts: () throws(ControlClientError) -> PlanReport

  /// Empty unless vfpoold answers, but for the check that says so.
  func checks() -> [Check] {
    let status: StatusReport
    do throws(ControlClientError) {
      status = try self.status()
    } catch {
      switch error.code {
      case .refused: return [Check(.daemonAnswers, .unknown, error.lines)]
      case .unreachable: return [Check(.daemonAnswers, .warning, error.lines, fix: ["systemctl enable --now vfpoold"])]
      case .failed, .malformed: return [Check(.daemonAnswers, .warning, error.lines, fix: ["journalctl -u vfpoold"])]
      }
    }
    let problems =
      (status.libvirtConnected ? [] : ["vfpoold isn't connected to libvirt"])
      + status.problems.flatMap { $0.split(separator: "\n").map(String.init) }
    return [
      Check(.daemonAnswers, .ok, ["vfpoold \(status.version) answers"]),
      problems.isEmpty
        ? Check(.daemonProblems, .ok, ["vfpoold has no problems"])
        : Check(.daemonProblems, .warning, problems, fix: ["vfpool status", "vfpool reconcile --plan"]),
    ] + poolChecks(status)
  }

  private func poolChecks(_ status: StatusReport) -> [Check] {
    let ofStatus = [started(status), mode(status.pools), free(status.pools), drift]
    do throws(ControlClientError) {
      let vfs = try self.vfs().filter { $0.pool != nil }
      return ofStatus + [pfs(status.pools, vfs), mtu(status, vfs), links(status, vfs), quarantine(vfs)]
    } catch {
      return ofStatus + [.poolLinks, .poolQuarantine].map { Check($0, .unknown, error.lines) }
    }
  }

  // MARK: - Pools

  private func pfs(_ pools: [PoolRow], _ vfs: [VFRow]) -> Check {
    var found: [String] = []
    var worst = Verdict.warning
    let empty = pools.filter { $0.total == 0 }
    found += empty.map { "pool \($0.name) has no VF: none of its cards is there, or they have none" }
    let gone = pools.map { pool in (pool, vfs.filter { $0.pool == pool.name && $0.state == .gone }) }
      .filter { !$0.1.isEmpty }
    for (pool, missing) in gone {
      let names = missing.prefix(4).map { $0.pci?.description ?? $0.name }.joined(separator: ", ")
      found.append(
        "pool \(pool.name) lists \(pool.total) VFs, of which \(missing.count) aren't there: \(names)"
          + (missing.count > 4 ? " …" : ""))
      if missing.count == pool.total { worst = .fault }
    }
    return Check(
      .poolPFs, found, or: pools.isEmpty ? "there is no pool" : "every VF that a pool lists is there",
      as: empty.isEmpty ? worst : .fault,
      fix: (empty + gone.map(\.0)).map { "vfpool pool show \($0.name)" } + ["vfpool reconcile --plan"])
  }

  private func started(_ status: StatusReport) -> Check {
    guard status.libvirtConnected else {
      return Check(.poolStarted, .unknown, ["vfpoold isn't connected to libvirt"])
    }
    return Check(
      startOf: status.pools.map { PoolNetworkState(pool: $0.name, isActive: $0.active, startsAtBoot: $0.autostart) },
      with: "vfpool pool start")
  }

  private func mode(_ pools: [PoolRow]) -> Check {
    let watched = pools.filter { $0.mode == .observe }.map(\.name)
    return Check(
      .poolMode, watched.map { "pool \($0) is only watched: its VFs go back as guests leave them" },
      or: pools.isEmpty ? "there is no pool" : "vfpool sets and restores the VFs of every pool",
      fix: watched.map { "vfpool pool enforce \($0) --plan" })
  }

  private func free(_ pools: [PoolRow]) -> Check {
    let full = pools.filter { $0.total > 0 && $0.free == 0 }
    return Check(
      .poolFree,
      full.map { pool in
        "pool \(pool.name) has no free VF, of \(pool.usage)"
      }, or: pools.isEmpty ? "there is no pool" : "every pool has a free VF",
      fix: ["vfpool lease list   # who has them", "give the pool more VFs or PFs: vfpool pool apply FILE --plan"])
  }

  private func links(_ status: StatusReport, _ vfs: [VFRow]) -> Check {
    var found: [String] = []
    var fix: [String] = []
    for pf in status.pfs where pf.carrier != true {
      let mine = vfs.filter { $0.pf == pf.name }
      guard !mine.isEmpty else { continue }
      let pools = Set(mine.compactMap(\.pool)).sorted().joined(separator: ", ")
      let guests = Set(mine.compactMap(\.guest)).sorted()
      let hit = guests.isEmpty ? "" : "; guests that have a VF of it: \(guests.joined(separator: ", "))"
      found.append("PF \(pf.name) of pool \(pools) \(pf.carrier == nil ? "is down" : "has no carrier")\(hit)")
      fix.append(
        pf.carrier == nil
          ? "ip link set \(pf.name) up" : "\(pf.name): look at its cable, transceiver and the switch's port")
    }
    return Check(
      .poolLinks, found, or: vfs.isEmpty ? "no pool has VFs" : "every PF of a pool is up and has a carrier", fix: fix)
  }

  private func quarantine(_ vfs: [VFRow]) -> Check {
    let parked = vfs.filter { $0.state == .quarantined }
    return Check(
      .poolQuarantine,
      parked.map { "\($0.name) of pool \($0.pool ?? "?") is quarantined: \($0.why ?? "for no known reason")" },
      or: "no VF of a pool is quarantined", fix: parked.map { "vfpool vf reset \($0.name)" })
  }

  private func mtu(_ status: StatusReport, _ vfs: [VFRow]) -> Check {
    Check(
      mtuOf: status.pools.map { pool in
        let names = Set(vfs.filter { $0.pool == pool.name }.map(\.pf))
        let pfs = status.pfs.filter { names.contains($0.name) }.compactMap { pf in pf.mtu.map { (pf.name, $0) } }
        return PoolMTU(pool: pool.name, pfs: Dictionary(pfs, uniquingKeysWith: { a, _ in a }))
      })
  }

  private var drift: Check {
    do throws(ControlClientError) {
      return try Check(
        .poolDrift, drifts().steps, or: "kernel, libvirt and ledger agree", fix: ["vfpool reconcile"])
    } catch {
      return Check(.poolDrift, .unknown, error.lines)
    }
  }
}

extension DaemonChecks {
  /// How many milliseconds doctor waits for vfpoold to compare kernel, libvirt and ledger.
  private static let patience = 15_000

  init(_ client: ControlClient) {
    status = { () throws(ControlClientError) in try client.status() }
    vfs = { () throws(ControlClientError) in try client.vfs() }
    drifts = { () throws(ControlClientError) in try client.reconcile(plan: true, timeout: Self.patience) }
  }
}

extension ControlClientError {
  fileprivate var lines: [String] { text.split(separator: "\n").map(String.init) }
}
