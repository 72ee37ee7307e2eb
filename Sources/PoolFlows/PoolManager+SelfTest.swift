import LibvirtXML
import Logging
import PoolModel

/// A card put to the test: each attribute of one free VF is set to another value, read back, restored, and read back.
///
/// The VF is nobody's meanwhile: one of a pool is held in libvirt, one in no pool is marked by a hold that libvirt doesn't
/// have (`Hold.isTrial`). Its baseline is in the ledger before the first write. Killed in between, vfpoold finds the VF
/// free and off its baseline, or the mark, when it reconciles.
extension PoolManager {
  /// `isTried`: whether an attribute is.
  public func selfTest(
    pf name: String, trying isTried: @escaping @Sendable (_ attribute: String) -> Bool = { _ in true }
  ) async throws -> SelfTest {
    try await alone { try await self.selfTestNow(name, isTried) }
  }

  private func selfTestNow(_ name: String, _ isTried: @Sendable (String) -> Bool) async throws -> SelfTest {
    // Whatever a test that breaks off leaves is repaired by reconciling, which needs libvirt.
    try needLibvirt()
    try await readInventory()
    guard let pf = inventory.pf(named: name) else {
      throw FlowError(.notFound, "no PF \(name); there are: \(inventory.pfs.map(\.name).joined(separator: ", "))")
    }
    if let why = pf.unsupported { throw FlowError(.refused, "PF \(pf.name) can't serve guests: \(why)") }
    let subject = try trialSubject(of: pf)
    let hold = try await takeForTrial(subject)
    adminWrites += 1
    defer { adminWrites -= 1 }
    var result = SelfTest(vf: subject.id, pci: subject.pci, driver: pf.driver, trials: [])
    var obstacle: String?
    for trial in VFTrial.all(on: subject.state, of: subject.pci) where isTried(trial.attribute) {
      let was = trial.settings.map { VFSettings(subject.state).restricted(to: $0).summary }
      if let why = obstacle ?? self.obstacle(toGoOnWith: hold) {
        obstacle = why
        result.trials.append(
          SelfTest.Trial(
            attribute: trial.attribute, was: was, set: trial.settings?.summary, outcome: .notTried, detail: why))
        continue
      }
      let found = await run(trial, was, on: subject, hold)
      if found.outcome == .notRestored { obstacle = "the VF did not take back what was tried before" }
      result.trials.append(found)
    }
    await restore(subject.pci)
    let after = try? await links.read(subject.id)
    let left = after.map { dirt(on: $0, subject.state) }
    if left?.isEmpty != true { result.left = left?.summary ?? "can't be read" }
    result.isQuarantined = contents.quarantines[subject.pci] != nil
    await endTrial(hold)
    await refreshInventory()
    return result
  }

  // MARK: The VF

  private struct TrialSubject {
    var id: VFIndex
    var pci: PCIAddress
    var state: VFState
    /// Nil = in none.
    var pool: String?
  }

  /// A VF in no pool if there is one, else the one that libvirt would hand out last.
  private func trialSubject(of pf: PF) throws(FlowError) -> TrialSubject {
    guard pf.numVFs > 0 else {
      throw FlowError(.refused, "PF \(pf.name) has no VF to test; make one: vfpool pf set-vfs \(pf.name) 1")
    }
    var found: [TrialSubject] = []
    var reasons: [String] = []
    for vf in inventory.vfs where vf.id.pf == pf.name {
      switch trialSubject(vf) {
      case .success(let subject): found.append(subject)
      case .failure(let error): reasons.append("\(vf.id): \(error.message)")
      }
    }
    if let subject = found.last(where: { $0.pool == nil }) ?? found.last { return subject }
    throw FlowError(.refused, (["PF \(pf.name) has no free VF to test:"] + reasons).joined(separator: "\n  "))
  }

  private func trialSubject(_ vf: VF) -> Result<TrialSubject, FlowError> {
    let no = { (why: String) in Result<TrialSubject, FlowError>.failure(FlowError(.refused, why)) }
    guard let pci = vf.pci else { return no("it is not a PCI device") }
    guard let state = vf.state else { return no("it can't be read") }
    if let obstacle = standings(of: [pci])[0].obstacle { return no(obstacle) }
    if vf.driver == "vfio-pci" { return no("bound to vfio-pci: a guest outside of pools or a process may have it") }
    if ports.isClaimed(pci) || contents.holds.values.contains(where: { $0.vf == pci }) {
      return no("held; try again")
    }
    if let baseline = contents.baselines[pci]?.state, !dirt(on: state, baseline).isEmpty {
      return no("off its baseline: vfpool vf reset \(vf.id)")
    }
    let pools = contents.pools.values.filter { $0.addresses.contains(pci) }.sorted { $0.name < $1.name }
    guard let pool = pools.first else {
      return .success(TrialSubject(id: vf.id, pci: pci, state: state, pool: nil))
    }
    guard pools.count == 1 else { return no("in several pools: \(pools.map(\.name).joined(separator: ", "))") }
    if pool.mode == .observe { return no("in pool \(pool.name), which is only watched") }
    guard mayHold, facts[pool.name]?.active == true else {
      return no("in pool \(pool.name), where it can't be held: vfpool enable, vfpool pool start \(pool.name)")
    }
    if let kept = layout(of: pool).reservations[pci] { return no("reserved for guest \(kept.guest)") }
    let free = standings(of: pool.addresses).count { $0 == .free }
    guard free > contents.unplacedStarts(in: pool.name, besides: "") + turns.waiting(for: pool.name) else {
      return no("needed by a guest that is being started; try again")
    }
    return .success(TrialSubject(id: vf.id, pci: pci, state: state, pool: pool.name))
  }

  private func takeForTrial(_ subject: TrialSubject) async throws -> Hold {
    let hold = Hold(port: newUUID(), pool: subject.pool ?? "", vf: subject.pci, guest: nil)
    let isKnown = contents.baselines[subject.pci] != nil
    try await commit(
      (isKnown ? [] : [.saveBaseline(Baseline(vf: subject.pci, state: subject.state, taken: now()))]) + [.addHold(hold)]
    )
    if hold.isTrial { return hold }
    do { try await park(hold) } catch {
      try? await commit([.dropHold(port: hold.port)])
      reconcileSoon()
      throw FlowError(.refused, "\(subject.id) was taken just now: \(error)")
    }
    return hold
  }

  /// Who has got the VF although it was held, in words: nothing more is written to it then.
  private func obstacle(toGoOnWith hold: Hold) -> String? {
    if let lease = lease(holding: hold.vf) { return "guest \(lease.guest.name) has got the VF" }
    if let port = ports.guestPort(on: hold.vf) { return "\(port.owner.name) has got the VF" }
    if isHostUsed(hold.vf) { return "the host uses the VF" }
    return contents.holds[hold.port] == nil ? "the VF isn't held any more" : nil
  }

  private func endTrial(_ hold: Hold) async {
    do {
      if hold.isTrial { return try await commit(end(ofTrial: hold)) }
      if var quarantine = contents.quarantines[hold.vf], quarantine.port == nil, contents.holds[hold.port] != nil {
        // The hold goes on as the quarantine's.
        quarantine.port = hold.port
        return try await commit([.quarantine(quarantine)])
      }
      try await dropHold(port: hold.port, in: hold.pool)
    } catch {
      log.warning("\(hold.vf) is still held after its self-test: \(error)")
      reconcileSoon()
    }
  }

  /// What is known of a VF that is in no pool of ours goes with its self-test.
  private func end(ofTrial hold: Hold) -> [LedgerChange] {
    let isNeeded =
      contents.quarantines[hold.vf] != nil || contents.isLeased(hold.vf)
      || contents.pools.values.contains { $0.mode == .enforce && $0.addresses.contains(hold.vf) }
    return [.dropHold(port: hold.port)] + (isNeeded ? [] : [.forgetBaseline(hold.vf)])
  }

  /// Brings a VF back that a vfpoold which died over its self-test has left. False: somebody has it now.
  func endBrokenOffTrial(_ hold: Hold) async throws -> Bool {
    guard contents.holds[hold.port] == hold else { return false }
    if let vf = inventory.vf(at: hold.vf), !contents.isLeased(hold.vf) {
      guard vf.driver != "vfio-pci", !ports.isClaimed(hold.vf), !isHostUsed(hold.vf) else { return false }
      await restore(hold.vf)
    }
    try await commit(end(ofTrial: hold))
    return true
  }

  // MARK: One attribute

  private func run(
    _ trial: VFTrial, _ was: String?, on subject: TrialSubject, _ hold: Hold
  ) async -> SelfTest.Trial {
    guard let settings = trial.settings else {
      return SelfTest.Trial(
        attribute: trial.attribute, was: nil, set: nil, outcome: .unsupported, detail: trial.why)
    }
    var result = SelfTest.Trial(attribute: trial.attribute, was: was, set: settings.summary, outcome: .ok)
    do { try await links.write(settings, to: subject.id) } catch {
      result.outcome = error is NotOffered ? .unsupported : .refused
      result.detail = "\(error)"
    }
    do {
      // Also after an error: a part of it may have taken effect.
      let now = try await links.read(subject.id)
      let missing = settings.missing(from: now)
      if result.outcome == .ok, !missing.isEmpty {
        result.outcome = .differs
        result.detail = "it reads \(VFSettings(now).restricted(to: missing).summary)"
      }
      let others = dirt(on: now, subject.state).besides(settings)
      if !others.isEmpty {
        let note = "it changed \(VFSettings(now).restricted(to: others).summary), too"
        result.detail = result.detail.map { "\($0); \(note)" } ?? note
      }
      if let why = obstacle(toGoOnWith: hold) {
        result.outcome = .notRestored
        result.detail = why
        return result
      }
      if let left = try await putBack(subject, now) {
        result.outcome = .notRestored
        result.detail = left
      }
    } catch {
      result.outcome = .notRestored
      result.detail = "\(error)"
    }
    return result
  }

  /// What does not go back, and why; nil = all did.
  private func putBack(_ subject: TrialSubject, _ now: VFState) async throws -> String? {
    let missing = dirt(on: now, subject.state)
    if missing.isEmpty { return nil }
    var failure: (any Error)?
    do { try await links.write(missing, to: subject.id) } catch { failure = error }
    var after = try await links.read(subject.id)
    if after.mac.isOfTrial, subject.state.mac.isZero {
      // Not every driver takes a zero MAC back.
      let mac = VFSettings(mac: MACAddress(unusedOf: subject.pci))
      do { try await links.write(mac, to: subject.id) } catch { failure = error }
      after = try await links.read(subject.id)
    }
    let left = dirt(on: after, subject.state)
    return left.isEmpty ? nil : "\(left.summary) does not come back\(failure.map { ": \($0)" } ?? "")"
  }
}
