import LibvirtXML
import Logging
import PoolModel

/// A NIC that has a VF or asks for one, by what its card delivers to it.
struct CardNIC {
  var guest: GuestID
  var mac: MACAddress
  /// Nil = untagged.
  var vlan: UInt16?
  /// Nil: any of the pool's.
  var vf: PCIAddress?
  /// Nil: its VF is in none.
  var pool: String?
}

/// Live NICs of different guests must differ in MAC on one PF and VLAN: the card would deliver to one of them only.
extension PoolManager {
  /// Two NICs that don't, in words that name both guests.
  private struct Clash {
    var refusal: Refusal
    var isRefused: Bool

    var text: String { refusal.text }
  }

  /// The NICs of a guest that is being prepared whose MACs matter; those of pools that are only observed don't.
  func askingNICs(of guest: GuestDescription) -> [CardNIC] {
    guest.nics.compactMap { nic in
      guard let mac = nic.mac else { return nil }
      switch nic.source {
      case .network(let name, let portgroup):
        guard let pool = contents.pools[name], pool.mode == .enforce else { return nil }
        let vlan = nic.vlan ?? pool.vlan(portgroup: portgroup)
        return CardNIC(guest: guest.guest, mac: mac, vlan: vlan?.id, vf: nil, pool: name)
      case .hostdev(let vf?):
        let pool = poolName(ofFixed: vf)
        if let pool, contents.pools[pool]?.mode == .observe { return nil }
        return CardNIC(guest: guest.guest, mac: mac, vlan: nic.vlan?.id, vf: vf, pool: pool)
      case .hostdev, .other: return nil
      }
    }
  }

  /// What a start is refused with; nil = nothing. What is only to be warned of is logged, unless it is in `told`.
  func refusedClash(of nics: [CardNIC], _ told: inout Set<String>, _ deadline: HookDeadline) async -> Refusal? {
    let clashes = await clashes(of: nics, within: deadline.left / 2)
    if let refused = clashes.first(where: \.isRefused) { return refused.refusal }
    for clash in clashes where told.insert(clash.text).inserted { log.warning("\(clash.text)") }
    return nil
  }

  /// What a start is refused with by what memory knows, for the moment before it is recorded; nil = nothing.
  func knownRefusal(of nics: [CardNIC]) -> Refusal? { knownClashes(of: nics).first(where: \.isRefused)?.refusal }

  /// Refuses a NIC that is to be attached; returns what is only to be warned of.
  ///
  /// `isLive`: to a running guest, so that other hosts matter, too; `settled` ends that.
  func clashNotes(of nic: CardNIC, isLive: Bool) async throws(FlowError) -> [String] {
    let clashes = await clashes(of: [nic], within: turnLimit)
    if let refused = clashes.first(where: \.isRefused) {
      note(refused.refusal)
      throw FlowError(.refused, refused.text)
    }
    for clash in clashes { log.warning("\(clash.text)") }
    var elsewhere: Set<String> = []
    if isLive,
      let refusal = await clashElsewhere(of: [nic], &elsewhere, isIncoming: false, within: turnLimit / 4)
    {
      note(refusal)
      throw FlowError(.refused, refusal.text)
    }
    return clashes.map(\.text) + elsewhere.sorted()
  }

  /// Before it is told the truth is read from libvirt, as for placement.
  private func clashes(of nics: [CardNIC], within patience: Duration) async -> [Clash] {
    if knownClashes(of: nics).isEmpty { return [] }
    await lookBeforeRefusal(contents.pools.keys.sorted(), within: patience)
    return knownClashes(of: nics)
  }

  private func knownClashes(of nics: [CardNIC]) -> [Clash] {
    nics.flatMap { nic in liveNICs(withMAC: nic.mac).compactMap { clash(nic, $0) } }
  }

  private func clash(_ nic: CardNIC, _ other: CardNIC) -> Clash? {
    let pools = [nic.pool, other.pool].compactMap { $0.flatMap { contents.pools[$0] } }
    guard nic.mac == other.mac, nic.vlan == other.vlan, nic.guest.uuid != other.guest.uuid,
      let pool = pools.first(where: { $0.mode == .enforce }),
      !pfs(of: nic).isDisjoint(with: pfs(of: other))
    else { return nil }
    let place = other.vf.map { vf in inventory.vf(at: vf).map { "\($0.id)" } ?? "\(vf)" }
    return Clash(
      refusal: Refusal(
        .macConflict, pool: pool.name, guest: nic.guest,
        "pool \(pool.name): guest \(nic.guest.name) has MAC \(nic.mac), which guest \(other.guest.name) uses on "
          + "\(place ?? "pool \(other.pool ?? "?")"); give one of them another MAC"),
      isRefused: pool.macConflict == .refuse)
  }

  /// The PFs on which a NIC is, or may come to be.
  private func pfs(of nic: CardNIC) -> Set<String> {
    if let vf = nic.vf { return inventory.vf(at: vf).map { [$0.id.pf] } ?? [] }
    return nic.pool.flatMap { contents.pools[$0] }.map { Set(layout(of: $0).pfs) } ?? []
  }

  /// Leases by id, then what guests have by address without one.
  private func liveNICs(withMAC mac: MACAddress) -> [CardNIC] {
    let leased = contents.leases(withMAC: mac).map { lease in
      CardNIC(guest: lease.guest, mac: mac, vlan: vlanID(of: lease), vf: lease.vf, pool: lease.pool)
    }
    let fixed = fixedNICs.nics(withMAC: mac).filter { lease(holding: $0.vf)?.guest.uuid != $0.guest.uuid }
    return leased
      + fixed.map { nic in
        CardNIC(guest: nic.guest, mac: mac, vlan: nic.vlan, vf: nic.vf, pool: poolName(ofFixed: nic.vf))
      }
  }

  /// What the guest's VF was given, whatever its pool says by now; nil = untagged.
  func vlanID(of lease: Lease) -> UInt16? {
    if let given = lease.settings?.vlan { return given.tag?.id }
    if let port = lease.port.flatMap({ ports[$0] }) { return port.vlan?.id }
    return contents.pools[lease.pool]?.vlan(portgroup: lease.portgroup)?.id
  }

  func poolName(ofFixed vf: PCIAddress) -> String? {
    poolName(of: vf) { $0.mode == .enforce } ?? poolName(of: vf)
  }

  /// Takes what reconciling has read of running guests since `begin`.
  func noteFixedNICs(of running: [GuestDescription], readSince begin: ContinuousClock.Instant) {
    var now = FixedNICs()
    for guest in running {
      now.note(guest, at: nil) { lease(holding: $0)?.guest.uuid != guest.guest.uuid }
    }
    now.keepStarts(of: fixedNICs, readSince: begin, patience: turnLimit)
    fixedNICs = now
  }

  /// In words, each two guests that run with one MAC all the same: their pool only warns, or nobody was asked.
  var macClashProblems: [String] {
    contents.sharedMACs.union(fixedNICs.macs).sorted().flatMap { mac in
      let nics = liveNICs(withMAC: mac)
      return nics.indices.flatMap { later in nics[..<later].compactMap { clash(nics[later], $0)?.text } }
    }
  }
}
