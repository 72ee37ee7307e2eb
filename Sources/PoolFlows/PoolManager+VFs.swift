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
    if let use = vf.hostUse { throw FlowError(.refused, "\(vf.id) is used by the host: \(use)") }
    if let pci = vf.pci, let port = ports.values.first(where: { $0.vf == pci && !$0.isHold }),
      lease(holding: pci) == nil, !disrupt.contains(port.owner.name)
    {
      throw FlowError(
        .refused, "\(vf.id) is taken in libvirt by \(port.owner.name); to change it, say --disrupt \(port.owner.name)")
    }
    if let pci = vf.pci, lease(holding: pci) == nil, !claimedVFs().contains(pci) { try refuseInUse(vf, "") }
  }

  /// A VF that the host uses, or that someone has whom no pool knows: a guest with a plain `<hostdev>`, a DPDK process.
  func refuseInUse(_ vf: VF, _ line: String) throws(FlowError) {
    if let use = vf.hostUse { throw FlowError(.refused, "\(line)\(vf.id) is used by the host: \(use)") }
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
    if failures.isEmpty { return vfs.compactMap { inventory.vf($0.id) } }
    let failed = failures.count
    for (change, error) in zip(undo, await write(undo, disrupt)) {
      if let error { failures.insert("\(change.vf.id) could not be put back: \(error)", at: 0) }
    }
    await refreshInventory()
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

  private func readInventory() async throws(FlowError) {
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
        .refused, "guest \(holder.guest.name) uses MAC \(mac) on \(holder.vfIndex.map { "\($0)" } ?? holder.pci)")
    }
  }

  /// Puts a VF back to its baseline.
  public func resetVF(_ name: String, disrupt: [String]) async throws -> VF {
    await refreshInventory()
    let vf = try vf(named: name)
    try checkDisruption(vf, disrupt)
    guard let pci = vf.pci, contents.baselines[pci] != nil else {
      throw FlowError(.refused, "\(vf.id) has no recorded baseline: it never was in a pool of ours")
    }
    await restore(pci)
    await refreshInventory()
    return try self.vf(named: name)
  }

  /// Hands a quarantined VF back to its pool, if it takes its baseline now.
  public func unquarantine(_ name: String) async throws -> VF {
    await refreshInventory()
    let vf = try vf(named: name)
    guard let pci = vf.pci, let quarantine = contents.quarantines[pci] else {
      throw FlowError(.refused, "\(vf.id) is not quarantined")
    }
    try checkDisruption(vf, [])
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
    return try self.vf(named: name)
  }

  /// Sets how many VFs a PF has; refused while one of them is somebody's or a pool counts on them.
  public func setVFCount(_ count: Int, pf name: String, plan: Bool, ifPlan token: String? = nil) async throws -> Plan {
    try await alone { try await self.setCountNow(count, pf: name, plan: plan, ifPlan: token) }
  }

  private func setCountNow(_ count: Int, pf name: String, plan: Bool, ifPlan token: String?) async throws -> Plan {
    await refreshInventory()
    guard let pf = inventory.pf(named: name) else {
      throw FlowError(.notFound, "no PF \(name); there are: \(inventory.pfs.map(\.name).joined(separator: ", "))")
    }
    guard (0...pf.totalVFs).contains(count) else {
      throw FlowError(.invalid, "PF \(name) can have 0 to \(pf.totalVFs) VFs, not \(count)")
    }
    if count == pf.numVFs { return Plan(notes: ["PF \(name) has \(count) VFs already"]) }
    let vfs = inventory.vfs.filter { $0.id.pf == name }
    for vf in vfs {
      if let pci = vf.pci, let lease = lease(holding: pci) {
        throw FlowError(
          .refused, "guest \(lease.guest.name) has \(vf.id), and a new count takes every VF away; stop the guest first")
      }
      try refuseInUse(vf, "")
    }
    for pool in contents.pools.values.sorted(by: { $0.name < $1.name })
    where pool.addresses.contains(where: { address in vfs.contains { $0.pci == address } }) {
      throw FlowError(.refused, "pool \(pool.name) counts on the VFs of \(name); remove the pool or apply it changed")
    }
    var steps: [String] = []
    if pf.numVFs > 0 { steps.append("remove the \(pf.numVFs) VFs of PF \(name)") }
    if count > 0 { steps.append("create \(count) VFs on PF \(name)") }
    var result = Plan(steps: steps)
    try result.check(token)
    if plan { return result }
    do { try await links.setVFCount(count, pf: name) } catch {
      try? await links.setVFCount(pf.numVFs, pf: name)
      await refreshInventory()
      throw FlowError(
        .failed, "PF \(name) did not get \(count) VFs, and has \(inventory.pf(named: name)?.numVFs ?? 0) now: \(error)")
    }
    await refreshInventory()
    result.done = true
    return result
  }
}
