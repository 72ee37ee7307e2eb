import FlowFakes
import LibvirtXML
import PoolModel
import Synchronization

@testable import PoolFlows

/// What must be true of a host at rest, whatever happened before.
extension MortalHost {
  /// What isn't as it must be, in words, and looked at again for a while before it is told.
  func violations() async -> [String] {
    // Longer than a start may be under way: what vfpoold looks at again only then may be mended by that.
    let end = ContinuousClock.now + .seconds(6)
    while ContinuousClock.now < end {
      if await violationsNow().isEmpty { return [] }
      try? await Task.sleep(for: .milliseconds(2))
    }
    return await violationsNow()
  }

  private func violationsNow() async -> [String] {
    ledger.flush()
    guard let manager = daemon?.manager else { return ["vfpoold is dead"] }
    var found = complaints + ledger.state.withLock { $0.contradictions.map { "the ledger refused \($0)" } }
    do {
      found += try await manager.reconcile(plan: true).drifts.map { "a second reconcile would find: \($0)" }
    } catch {
      found.append("reconcile fails: \(error)")
    }
    let scene = Scene(host: self, view: await manager.view())
    if scene.view.contents != ledger.contents { found.append("vfpoold's memory isn't what the ledger has") }
    return found + scene.owners() + scene.leases() + scene.holds() + scene.freeVFs() + scene.guests() + scene.bindings()
      + scene.counts() + scene.pools() + scene.problems()
  }
}

/// The host at one moment, seen from all sides.
private struct Scene {
  let host: MortalHost
  let view: HostView
  let networks: [String: FakeLibvirt.Network]
  let running: [String: GuestDescription]
  let vfs: [VF]
  var contents: LedgerContents { view.contents }

  init(host: MortalHost, view: HostView) {
    self.host = host
    self.view = view
    (networks, running) = host.libvirt.state.withLock { ($0.networks, $0.running) }
    vfs = host.kernel.state.withLock { Array($0.vfs.values) }
  }

  private var ports: [(pool: String, port: NetworkPort)] {
    networks.sorted { $0.key < $1.key }.flatMap { name, network in network.ports.values.map { (name, $0) } }
  }

  private func name(_ vf: PCIAddress) -> String { host.kernel.id(vf).map { "\($0)" } ?? "\(vf)" }

  private func isTold(_ vf: PCIAddress) -> Bool {
    view.problems.contains { $0.hasPrefix("\(name(vf))") && $0.contains("guest") }
  }

  func owners() -> [String] {
    var owners: [PCIAddress: [String]] = [:]
    for (_, port) in ports { if let vf = port.vf { owners[vf, default: []].append(port.owner.name) } }
    var users: [PCIAddress: [String]] = [:]
    for guest in running.values { for vf in guest.vfs { users[vf, default: []].append(guest.guest.name) } }
    var leased: [PCIAddress: [String]] = [:]
    for lease in contents.leases.values { if let vf = lease.vf { leased[vf, default: []].append(lease.guest.name) } }
    return [("ports", owners), ("guests", users), ("leases", leased)].flatMap { kind, map in
      map.filter { $0.value.count > 1 }.map { "\(name($0.key)) has two owners by \(kind): \($0.value)" }
    }
  }

  func leases() -> [String] {
    var found: [String] = []
    for (pool, port) in ports where !port.isHold && contents.pools[pool] != nil {
      guard let lease = contents.leases.values.first(where: { $0.port == port.uuid }) else {
        found.append("no lease for \(port.owner.name)'s port on \(port.vf.map(name) ?? "?")")
        continue
      }
      if lease.vf != port.vf || lease.mac != port.mac || lease.guest != port.owner || lease.state != .active {
        found.append("lease \(lease) isn't as port \(port)")
      }
    }
    for lease in contents.leases.values where !ports.contains(where: { $0.port.uuid == lease.port }) {
      found.append("lease of \(lease.guest.name) on \(lease.pci), \(lease.state), has no port")
    }
    return found
  }

  func holds() -> [String] {
    let live = Set(ports.filter(\.port.isHold).map(\.port.uuid))
    var found: [String] = []
    if live != Set(contents.holds.keys) { found.append("holds: libvirt \(live), ledger \(contents.holds.keys)") }
    for hold in contents.holds.values {
      let isParked = contents.quarantines[hold.vf]?.port == hold.port
      if hold.guest != nil || !isParked { found.append("hold on \(name(hold.vf)) for no reason: \(hold)") }
    }
    let taken = Set(ports.filter { !$0.port.isHold }.compactMap(\.port.vf))
    for (vf, quarantine) in contents.quarantines where quarantine.port.flatMap({ contents.holds[$0] }) == nil {
      // A guest was quicker than the hold, or libvirt has it in no network.
      if taken.contains(vf) || !networks.values.contains(where: { $0.pool.addresses.contains(vf) }) { continue }
      found.append("quarantined \(name(vf)) isn't parked")
    }
    return found
  }

  func freeVFs() -> [String] {
    var found: [String] = []
    for (vf, standing) in view.standings {
      switch standing.standing {
      case .free, .leased, .quarantined: continue
      case .reserved, .hostUsed, .foreign, .gone: found.append("\(name(vf)) is leaked: \(standing.standing.kind)")
      }
    }
    for (vf, baseline) in contents.baselines where host.fresh[vf] != baseline.state {
      found.append("the baseline of \(name(vf)) is no state that the card made: \(baseline.state)")
    }
    let taken = Set(ports.compactMap(\.port.vf)).union(running.values.flatMap(\.vfs))
    for vf in vfs {
      guard let pci = vf.pci, !taken.contains(pci), contents.quarantines[pci] == nil, let fresh = host.fresh[pci],
        let state = vf.state
      else { continue }
      var dirt = VFSettings(fresh).missing(from: state)
      if !state.mac.isOfTrial, !contents.bindings.values.contains(where: { $0.mac == state.mac }) { dirt.mac = nil }
      if !dirt.isEmpty { found.append("free \(vf.id) is off its baseline by \(dirt.summary)") }
      if vf.driver != "igbvf" { found.append("free \(vf.id) is on \(vf.driver ?? "no driver")") }
    }
    return found
  }

  func guests() -> [String] {
    var found: [String] = []
    for guest in running.values {
      for nic in guest.nics {
        guard case .hostdev(let vf?) = nic.source,
          let (pool, port) = ports.first(where: { $0.port.vf == vf && $0.port.owner == guest.guest }),
          let known = contents.pools[pool], let network = networks[pool]
        else {
          found.append("\(guest.guest.name) runs without its port")
          continue
        }
        guard let id = host.kernel.id(vf), let state = host.kernel[id], let fresh = host.fresh[vf] else {
          found.append("the VF of \(guest.guest.name) is gone")
          continue
        }
        let vlan = network.pool.vlan(portgroup: port.portgroup)
        if state.mac != nic.mac || state.vlan?.id != vlan?.id {
          found.append("\(id) of \(guest.guest.name) has \(state.mac) and VLAN \(state.vlan.map { "\($0)" } ?? "none")")
        }
        guard known.mode == .enforce, !isTold(vf) else { continue }
        var wanted = VFSettings(fresh).taking(known.policy(portgroup: port.portgroup).early)
        wanted.mac = nil
        wanted.vlan = nil
        let missing = wanted.missing(from: state)
        let allowed = wanted.taking(host.allowed(on: vf)).missing(from: state)
        if !missing.isEmpty, !allowed.isEmpty {
          found.append("\(guest.guest.name) runs on \(id) without \(missing.summary), and nobody is told")
        }
      }
    }
    return found
  }

  func bindings() -> [String] {
    var found: [String] = []
    for binding in host.bindings.values
    // A guest that was defined anew may have another UUID.
    where !contents.bindings.values.contains(where: {
      $0.guest.name == binding.guest.name && $0.nicName == binding.nicName && $0.mac == binding.mac
    }) {
      found.append("the MAC binding \(binding.mac) of \(binding.guest.name) is lost")
    }
    for lease in contents.leases.values {
      let binding = contents.bindings[.init(guestUUID: lease.guest.uuid, pool: lease.pool, nic: lease.nic)]
      if binding?.mac != lease.mac && binding?.isOwed != true || binding?.lastVF != lease.vf {
        found.append(
          "\(lease.guest.name) with \(lease.mac) on \(lease.pci) has the binding \(String(describing: binding))")
      }
    }
    return found
  }

  /// VF counts: the kernel's, those that are wanted, and those that are saved for the next boot.
  func counts() -> [String] {
    var found: [String] = []
    var wanted = contents.counts.mapValues(\.count)
    for pool in contents.pools.values where pool.mode == .enforce {
      for (pf, mine) in view.inventory.pfs(of: pool) { if let pci = pf.pci { wanted[pci] = mine.vfs ?? wanted[pci] } }
    }
    let saved = host.kernel.state.withLock { state in
      Dictionary(uniqueKeysWithValues: state.ownCounts.map { ($0.pci, $0.count) })
    }
    if wanted != saved { found.append("VF counts: wanted \(wanted), saved \(saved)") }
    for pf in view.inventory.pfs {
      guard let pci = pf.pci, let count = wanted[pci], count != pf.numVFs else { continue }
      // A pool that isn't whole is told of, and makes its VFs when it is applied again.
      if !view.problems.contains(where: { $0.contains("pool apply") }) {
        found.append("\(pf.name) has \(pf.numVFs) VFs, not \(count)")
      }
    }
    return found
  }

  func pools() -> [String] {
    var found: [String] = []
    for name in networks.keys where contents.pools[name] == nil { found.append("network \(name) is no pool") }
    for pool in contents.pools.values {
      guard let network = networks[pool.name] else {
        if !view.problems.contains(where: { $0.hasPrefix("network of pool \(pool.name) is gone") }) {
          found.append("pool \(pool.name) has no network, and nobody is told")
        }
        continue
      }
      if pool.addresses != network.pool.addresses || pool.vlan != network.pool.vlan || pool.uuid != network.facts.uuid {
        found.append("pool \(pool) isn't as its network \(network.pool)")
      }
    }
    return found
  }

  /// Nothing is told that isn't so.
  func problems() -> [String] {
    view.problems.filter { problem in
      if problem.hasPrefix("network of pool") { return !contents.pools.keys.contains { networks[$0] == nil } }
      if problem.contains("guest") { return !running.values.contains { problem.contains("guest \($0.guest.name)") } }
      // Until something is written again.
      if problem.hasPrefix("the ledger can't be written") { return host.wasExercised }
      return true
    }.map { "told without reason: \($0)" }
  }
}
