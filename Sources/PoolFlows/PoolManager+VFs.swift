import LibvirtXML
import Logging
import PoolModel

/// What an admin does to a single VF or PF.
extension PoolManager {
  private func vf(named text: String) throws(FlowError) -> VF {
    guard let vf = inventory.vf(named: text) else { throw noSuchVF(text) }
    return vf
  }

  private func noSuchVF(_ text: String) -> FlowError {
    if let slash = text.lastIndex(of: "/"), let pf = inventory.pf(named: String(text[..<slash])) {
      let there = pf.numVFs == 0 ? "none" : pf.numVFs == 1 ? "\(pf.name)/0" : "\(pf.name)/0-\(pf.numVFs - 1)"
      return FlowError(.notFound, "no VF \(text): the VFs of \(pf.name) are \(there)")
    }
    return FlowError(.notFound, "no VF \(text); name one as PF/INDEX or by PCI address (`vfpool vf list`)")
  }

  /// Refuses to touch a VF that a guest or the host has, unless that guest was named.
  private func checkDisruption(_ vf: VF, _ disrupt: [String]) throws(FlowError) {
    if let pci = vf.pci, let lease = lease(holding: pci), !disrupt.contains(lease.guest.name) {
      throw FlowError(
        .refused,
        "\(vf.id) is leased to guest \(lease.guest.name); to change it under the guest, say --disrupt \(lease.guest.name)"
      )
    }
    if let use = hostUse(of: vf) { throw FlowError(.refused, "\(vf.id) is used by the host: \(use)") }
    if let pci = vf.pci, let port = ports.guestPort(on: pci), lease(holding: pci) == nil,
      !disrupt.contains(port.owner.name)
    {
      throw FlowError(
        .refused, "\(vf.id) is taken in libvirt by \(port.owner.name); to change it, say --disrupt \(port.owner.name)")
    }
    if let pci = vf.pci, lease(holding: pci) == nil, !ports.isClaimed(pci) { try refuseInUse(vf, "") }
  }

  /// A VF that the host uses, or that someone has whom no pool knows: a guest with a plain `<hostdev>`, a DPDK process.
  func refuseInUse(_ vf: VF, _ line: String) throws(FlowError) {
    if let use = hostUse(of: vf) { throw FlowError(.refused, "\(line)\(vf.id) is used by the host: \(use)") }
    if vf.driver == "vfio-pci" {
      throw FlowError(
        .refused, "\(line)\(vf.id) is bound to vfio-pci: a guest outside of pools or a process may have it")
    }
  }

  /// How many VFs are written before others have their turn: hooks must not wait for a slow card with many VFs.
  private static let writesAtOnce = 16

  /// Writes `settings` to each VF, reads them back and returns the VFs as they are then.
  ///
  /// A name is what `HostInventory.vfs(named:)` takes. All is checked before anything is written; what is so already is
  /// not written. A VF that doesn't take all of it is put back to what it was, and the error says which did.
  public func setVFs(_ names: [String], _ settings: VFSettings, disrupt: [String]) async throws -> [VF] {
    try await readInventory()
    var vfs: [VF] = []
    for name in names {
      guard let found = inventory.vfs(named: name), !found.isEmpty else { throw noSuchVF(name) }
      vfs += found.filter { vf in !vfs.contains { $0.id == vf.id } }
    }
    try check(settings, for: vfs)
    for vf in vfs { try checkDisruption(vf, disrupt) }
    let changes = try vfs.compactMap { (vf) throws(FlowError) -> (vf: VF, settings: VFSettings)? in
      guard let state = vf.state else { throw FlowError(.failed, "\(vf.id) can't be read, so nothing was written") }
      let missing = settings.missing(from: state)
      return missing.isEmpty ? nil : (vf, missing)
    }
    adminWrites += 1
    defer { adminWrites -= 1 }
    let errors = await write(changes, disrupt)
    try await readInventory()
    var failures: [String] = []
    var undo: [(vf: VF, settings: VFSettings)] = []
    for (change, error) in zip(changes, errors) {
      guard let now = inventory.vf(change.vf.id)?.state else {
        failures.append("\(change.vf.id) is not there any more")
        continue
      }
      let wrong = change.settings.missing(from: now)
      if wrong.isEmpty { continue }
      failures.append(
        error.map { "\(change.vf.id) did not take \(wrong.summary): \($0)" }
          ?? "\(change.vf.id) says it was set, and shows another \(wrong.summary)")
      guard let before = change.vf.state else { continue }
      let taken = VFSettings(before).restricted(to: change.settings).missing(from: now)
      if !taken.isEmpty { undo.append((change.vf, taken)) }
    }
    if failures.isEmpty {
      acceptChanges(of: vfs, settings)
      return vfs.compactMap { inventory.vf($0.id) }
    }
    let failed = failures.count
    for (change, error) in zip(undo, await write(undo, disrupt)) {
      if let error { failures.insert("\(change.vf.id) could not be put back: \(error)", at: 0) }
    }
    await refreshInventory()
    acceptChanges(of: vfs, settings)
    if failures.count > 8 { failures = failures.prefix(8) + ["and \(failures.count - 8) more"] }
    if vfs.count > 1 { failures.append(failed < vfs.count ? "the others are set" : "no VF was changed") }
    throw FlowError(.failed, failures.joined(separator: "\n"))
  }

  /// Writes in small parts; in the order of `changes` each one's error. A VF that somebody got meanwhile is left alone.
  private func write(_ changes: [(vf: VF, settings: VFSettings)], _ disrupt: [String]) async -> [(any Error)?] {
    var errors = [(any Error)?](repeating: nil, count: changes.count)
    for start in stride(from: 0, to: changes.count, by: Self.writesAtOnce) {
      let part = (start..<min(start + Self.writesAtOnce, changes.count)).filter { place in
        do { try checkDisruption(changes[place].vf, disrupt) } catch { errors[place] = error }
        return errors[place] == nil
      }
      do {
        let results = try await links.write(part.map { (changes[$0].vf.id, changes[$0].settings) })
        for (place, error) in zip(part, results) { errors[place] = error }
      } catch {
        for place in part { errors[place] = error }
      }
    }
    return errors
  }

  /// What an admin changed under a guest is what the guest has from now on, not somebody else's doing. `fields` are those
  /// that were to be changed.
  private func acceptChanges(of vfs: [VF], _ fields: VFSettings) {
    commitLater(
      vfs.compactMap { vf in
        guard let pci = vf.pci, let lease = lease(holding: pci), let settings = lease.settings,
          let state = inventory.vf(at: pci)?.state
        else { return nil }
        return (try? lease.changed(to: settings.taking(VFSettings(state).restricted(to: fields)))).map {
          .updateLease($0)
        }
      })
  }

  func readInventory() async throws(FlowError) {
    guard await refreshInventory() else {
      throw FlowError(.failed, problems["inventory"] ?? "can't read the host's network cards")
    }
  }

  /// What can't be, whatever the card.
  private func check(_ settings: VFSettings, for vfs: [VF]) throws(FlowError) {
    if case .tagged(let tag)? = settings.vlan, !VLANTag.isUsable(id: Int(tag.id)) || tag.qos > 7 {
      throw FlowError(.invalid, "VLAN \(tag.id) qos \(tag.qos) can't be: the id is 1 to 4094, the qos 0 to 7")
    }
    if let min = settings.minTxRate, let max = settings.maxTxRate, max != 0, min > max {
      throw FlowError(.invalid, "the minimal rate \(min) is more than the maximal rate \(max)")
    }
    guard let mac = settings.mac else { return }
    if mac.isMulticast {
      throw FlowError(.invalid, "\(mac) is a multicast address; a NIC's own has an even first octet")
    }
    if vfs.count > 1 { throw FlowError(.invalid, "\(vfs.count) VFs can't all have MAC \(mac)") }
    if let holder = contents.leases.values.first(where: { $0.mac == mac && $0.vf != vfs.first?.pci }) {
      throw FlowError(
        .refused, "guest \(holder.guest.name) uses MAC \(mac) on \(holder.place)")
    }
  }

  /// Puts a VF back to its baseline; one that nobody has is reset by its card first, and a quarantined one goes back to
  /// its pool when it is clean then.
  public func resetVF(_ name: String, disrupt: [String]) async throws -> VF {
    try await alone { try await self.resetNow(name, disrupt) }
  }

  private func resetNow(_ name: String, _ disrupt: [String]) async throws -> VF {
    try await readInventory()
    let vf = try vf(named: name)
    try checkDisruption(vf, disrupt)
    guard let pci = vf.pci, let baseline = contents.baselines[pci]?.state else {
      throw FlowError(
        .refused, "\(vf.id) has no recorded baseline: it is in no pool of ours, or has been in use since it is")
    }
    adminWrites += 1
    defer { adminWrites -= 1 }
    if lease(holding: pci) == nil, !ports.hasGuestPort(on: pci) {
      try await resetUnused(vf, pci)
      await refreshInventory()
    } else {
      let missing = try await VFSettings(baseline).missing(from: links.read(vf.id))
      try checkDisruption(vf, disrupt)
      if !missing.isEmpty { try await links.write(missing, to: vf.id) }
      let left = try await missing.missing(from: links.read(vf.id))
      await refreshInventory()
      acceptChanges(of: [vf], missing)
      if !left.isEmpty { throw FlowError(.failed, "\(vf.id) did not take \(left.summary) of its baseline") }
    }
    return try self.vf(named: name)
  }

  /// Nobody gets the VF meanwhile: it is held, unless it is parked already.
  private func resetUnused(_ vf: VF, _ pci: PCIAddress) async throws {
    let pool = contents.pools.values.first { $0.addresses.contains(pci) && facts[$0.name]?.active == true }
    var hold: Hold?
    let held = contents.holds.values.first { $0.vf == pci }
    if let guest = held?.guest {
      throw FlowError(.refused, "\(vf.id) is held while guest \(guest.name) starts; try again")
    }
    if let node = vf.iommuGroup.map({ "/dev/vfio/\($0.number)" }),
      let user = await devices.users(of: [node])[node]?.first
    {
      throw FlowError(.refused, "\(vf.id) is driven through vfio by \(user)")
    }
    if let pool, isConnected, held == nil {
      let made = Hold(port: newUUID(), pool: pool.name, vf: pci, guest: nil)
      try await commit([.addHold(made)])
      do { try await park(made) } catch {
        try? await commit([.dropHold(port: made.port)])
        throw FlowError(.refused, "\(vf.id) was taken just now: \(error)")
      }
      hold = made
    }
    let reset: Result<Bool, any Error>
    do { reset = .success(try await links.resetFunction(pci)) } catch { reset = .failure(error) }
    await refreshInventory()
    await restore(pci)
    if let hold {
      try await dropHold(port: hold.port, in: hold.pool)
    }
    do { if try !reset.get() { log.info("\(vf.id): its card offers no reset") } } catch {
      throw FlowError(.failed, "\(vf.id) could not be reset: \(error)")
    }
    if contents.quarantines[pci] != nil { try await endQuarantine(of: vf, pci) }
  }

  /// Keeps a VF that nobody has from being handed out, until `unquarantine`.
  public func quarantine(_ name: String, why: String) async throws -> VF {
    try await alone { try await self.quarantineNow(name, why: why) }
  }

  private func quarantineNow(_ name: String, why: String) async throws -> VF {
    try await readInventory()
    let vf = try vf(named: name)
    guard let pci = vf.pci else { throw FlowError(.refused, "\(vf.id) is not a PCI device") }
    let why = why.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    if why.isEmpty { throw FlowError(.invalid, "say why \(vf.id) is quarantined: whoever looks for a VF reads it") }
    if let known = contents.quarantines[pci] {
      throw FlowError(.refused, "\(vf.id) is quarantined already since \(known.since): \(known.why)")
    }
    try checkDisruption(vf, [])
    try await commit([.quarantine(Quarantine(vf: pci, why: why, since: now(), byAdmin: true))])
    reconcileSoon()
    return vf
  }

  /// Hands a quarantined VF back to its pool, if it takes its baseline now.
  public func unquarantine(_ name: String) async throws -> VF {
    try await alone { try await self.unquarantineNow(name) }
  }

  private func unquarantineNow(_ name: String) async throws -> VF {
    try await readInventory()
    let vf = try vf(named: name)
    guard let pci = vf.pci, contents.quarantines[pci] != nil else {
      throw FlowError(.refused, "\(vf.id) is not quarantined")
    }
    try checkDisruption(vf, [])
    try await endQuarantine(of: vf, pci)
    return try self.vf(named: name)
  }

  /// Ends a VF's quarantine if it takes its baseline.
  private func endQuarantine(of vf: VF, _ pci: PCIAddress) async throws {
    guard let quarantine = contents.quarantines[pci] else { return }
    if let baseline = contents.baselines[pci]?.state {
      let missing = try await VFSettings(baseline).missing(from: links.read(vf.id))
      if !missing.isEmpty { try await links.write(missing, to: vf.id) }
      let left = try await dirt(on: links.read(vf.id), baseline)
      if !left.isEmpty { throw FlowError(.refused, "\(vf.id) still does not take its baseline: \(left.summary)") }
    }
    if let port = quarantine.port, let hold = contents.holds[port] {
      try needLibvirt()
      try await networks.drop(port: port, in: hold.pool)
      forgetPort(port)
      try await commit([.dropHold(port: port), .unquarantine(pci)])
    } else {
      try await commit([.unquarantine(pci)])
    }
    problems["vf \(pci)"] = nil
  }

  /// Sets how many VFs a PF has; refused while one of them is somebody's or a pool counts on them. The plan names all of
  /// these.
  public func setVFCount(_ count: Int, pf name: String, plan: Bool, ifPlan token: String? = nil) async throws -> Plan {
    try await alone { try await self.setCountNow(count, pf: name, plan: plan, ifPlan: token) }
  }

  private func setCountNow(_ count: Int, pf name: String, plan: Bool, ifPlan token: String?) async throws -> Plan {
    try await readInventory()
    guard let pf = inventory.pf(named: name) else {
      throw FlowError(.notFound, "no PF \(name); there are: \(inventory.pfs.map(\.name).joined(separator: ", "))")
    }
    guard (0...pf.totalVFs).contains(count) else {
      throw FlowError(.invalid, "PF \(name) can have 0 to \(pf.totalVFs) VFs, not \(count)")
    }
    if count > 0, let why = pf.unsupported { throw FlowError(.refused, "PF \(pf.name) can't serve guests: \(why)") }
    let kept = pf.pci.map { OwnVFCount(pci: $0, mac: pf.ownMAC, name: pf.name, count: count) }
    let writers = await countWriters(of: pf)
    if count == pf.numVFs, isKept(kept) || !writers.isEmpty {
      return Plan(notes: ["PF \(pf.name) has \(count) VFs already"] + writers.map { "set by \($0)" })
    }
    var result = Plan()
    let hit: (guests: [String], what: [String]) = count == pf.numVFs ? ([], []) : hitByNewCount(of: pf.name)
    if count != pf.numVFs {
      if pf.numVFs > 0 { result.steps.append("remove the \(pf.numVFs) VFs of PF \(pf.name)") }
      if count > 0 { result.steps.append("create \(count) VFs on PF \(pf.name)") }
      (result.disruptedGuests, result.notes) = (hit.guests, hit.what)
      if !hit.what.isEmpty {
        result.notes.insert("refused as it is: a new count takes every VF of \(pf.name) away", at: 0)
      }
    }
    let what = count == 0 ? "make none of them after a boot" : "make \(count) VFs on PF \(pf.name) after each boot"
    if kept != nil { result.steps.append(what) }
    result.notes += writers.map { "refused as it is: how many VFs PF \(pf.name) has is set by \($0)" }
    try result.check(token)
    if plan { return result }
    guard writers.isEmpty else {
      throw FlowError(
        .refused,
        "how many VFs PF \(pf.name) has is set elsewhere; change it there, or take it out there:\n  "
          + writers.joined(separator: "\n  "))
    }
    guard hit.what.isEmpty else {
      throw FlowError(
        .refused,
        "a new count takes every VF of PF \(pf.name) away, and these are in the way:\n  "
          + hit.what.joined(separator: "\n  "))
    }
    let earlier = pf.pci.flatMap { contents.counts[$0] }
    try await keep(kept)
    do {
      if count != pf.numVFs { try await links.setVFCount(count, pf: pf.name) }
      try await saveOwnCounts()
    } catch {
      if count != pf.numVFs { try? await links.setVFCount(pf.numVFs, pf: pf.name) }
      if let pci = pf.pci { try? await commit([earlier.map { .keepCount($0) } ?? .forgetCount(pci)]) }
      try? await saveOwnCounts()
      await refreshInventory()
      throw FlowError(
        .failed,
        "PF \(pf.name) did not get \(count) VFs, and has \(inventory.pf(named: pf.name)?.numVFs ?? 0) now: \(error)")
    }
    await refreshInventory()
    result.done = true
    return result
  }

  /// Whether a PF's count is recorded already, by an admin or by a pool.
  private func isKept(_ count: OwnVFCount?) -> Bool {
    guard let count else { return true }
    if count.count == 0 { return contents.counts[count.pci] == nil }
    let isPools = contents.pools.values.contains { pool in
      pool.mode == .enforce && inventory.pfs(of: pool).contains { $0.wanted.vfs != nil && $0.pf.pci == count.pci }
    }
    return isPools || contents.counts[count.pci]?.count == count.count
  }

  private func keep(_ count: OwnVFCount?) async throws {
    guard let count else { return }
    try await commit([count.count == 0 ? .forgetCount(count.pci) : .keepCount(count)])
  }

  /// Who loses something when all VFs of a PF go, with the way out: guests by lease, other users by VF, pools.
  private func hitByNewCount(of pf: String) -> (guests: [String], what: [String]) {
    let vfs = inventory.vfs.filter { $0.id.pf == pf }
    var guests: [String] = []
    var what: [String] = []
    for vf in vfs {
      if let pci = vf.pci, let lease = lease(holding: pci) {
        if !guests.contains(lease.guest.name) { guests.append(lease.guest.name) }
        what.append(
          "\(vf.id): guest \(lease.guest.name), lease \(lease.id) of pool \(lease.pool), MAC \(lease.mac); stop the guest"
        )
      } else {
        do { try refuseInUse(vf, "") } catch { what.append(error.message) }
      }
    }
    for pool in contents.pools.values.sorted(by: { $0.name < $1.name }) {
      let count = pool.addresses.count { address in vfs.contains { $0.pci == address } }
      if count > 0 { what.append("pool \(pool.name) has \(count) of them; remove the pool or apply it changed") }
    }
    return (guests, what)
  }
}
