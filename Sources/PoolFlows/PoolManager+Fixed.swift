import LibvirtXML
import Logging
import PoolModel

/// A pool's VF that a guest names by address, in an `<interface type='hostdev'>` or a plain `<hostdev>`.
public struct FixedVF: Hashable, Sendable {
  public var vf: PCIAddress
  public var pool: String
  /// Nil for a plain `<hostdev>`: the guest's driver chooses.
  public var mac: MACAddress?
  /// Nil = untagged: the pool's is for NICs that name the pool.
  public var vlan: VLANTag?
}

/// VFs that guests name by address. libvirt makes no port for them: vfpool claims them by one of its own, so that libvirt
/// gives them to nobody else.
extension PoolManager {
  /// The VFs of enforced pools that the guest names and that nobody has by what memory knows.
  func unclaimedFixedVFs(of guest: GuestDescription) -> [FixedVF] {
    fixedVFs(of: guest) { !contents.isLeased($0) && !ports.hasGuestPort(on: $0) && contents.quarantines[$0] == nil }
  }

  private func fixedVFs(of guest: GuestDescription, where isWanted: (PCIAddress) -> Bool) -> [FixedVF] {
    guest.vfs.filter(isWanted).sorted().compactMap { vf in
      guard let pool = poolName(of: vf, where: { $0.mode == .enforce }) else { return nil }
      let nic = guest.nics.first { $0.vf == vf }
      return FixedVF(vf: vf, pool: pool, mac: nic?.mac, vlan: nic?.vlan)
    }
  }

  /// Claims what a guest that is being prepared names by address; what its start is refused with, nil = nothing.
  func prepareFixedVFs(of guest: GuestDescription, deadline: HookDeadline) async -> Refusal? {
    let fixed = fixedVFs(of: guest) { _ in true }
    guard isConnected, !fixed.isEmpty else { return nil }
    for wanted in fixed {
      guard obstacle(to: wanted, for: guest.guest) != nil else { continue }
      // Before a refusal the truth is read from libvirt, as for placement.
      await lookBeforeRefusal([wanted.pool], within: deadline.left / 2)
      if let why = obstacle(to: wanted, for: guest.guest) {
        let name = inventory.vf(at: wanted.vf).map { "\($0.id)" } ?? "\(wanted.vf)"
        return Refusal(
          .vfTaken, pool: wanted.pool, guest: guest.guest,
          "pool \(wanted.pool): guest \(guest.guest.name) names VF \(name) (\(wanted.vf)) by its address, which is \(why); "
            + "let it name the pool instead (`vfpool guest xml --pool \(wanted.pool)`)")
      }
    }
    for wanted in fixed where !deadline.isOver && !contents.isLeased(wanted.vf) {
      do {
        if contents.holds.values.contains(where: { $0.vf == wanted.vf }) { await dropHolds(of: nil, in: wanted.pool) }
        let lease = try await claim(wanted, for: guest.guest, isMet: false)
        if let pool = contents.pools[wanted.pool] { try await prepareVF(wanted.vf, lease, pool) }
      } catch {
        // It starts without vfpool's care, and is met running.
        log.error("\(wanted.vf) of guest \(guest.guest.name) is not claimed: \(error)")
      }
    }
    return nil
  }

  private func obstacle(to wanted: FixedVF, for guest: GuestID) -> String? {
    let standing = standings(of: [wanted.vf]).first
    if case .leased(let lease) = standing, lease.guest.uuid == guest.uuid { return nil }
    // libvirt finds out by itself.
    if case .gone = standing { return nil }
    if let obstacle = standing?.obstacle { return obstacle }
    let kept = contents.pools[wanted.pool].flatMap { layout(of: $0).reservations[wanted.vf] }
    return kept.flatMap { $0.isFor(guest) ? nil : "reserved for guest \($0.guest)" }
  }

  /// A running guest that has a pool's VF by its address: records a lease and claims the VF, and writes nothing to it.
  func adopt(_ fixed: FixedVF, of guest: GuestID) async throws -> Bool {
    guard let live = try await guests.guest(guest.uuid)?.live?.description,
      unclaimedFixedVFs(of: live).contains(fixed)
    else { return false }
    for hold in contents.holds.values where hold.vf == fixed.vf { try await dropHold(port: hold.port, in: hold.pool) }
    warnOfMissingSettings(try await claim(fixed, for: guest, isMet: true), fixed.pool)
    return true
  }

  private func claim(_ fixed: FixedVF, for guest: GuestID, isMet: Bool) async throws -> Lease {
    let mac = fixed.mac ?? MACAddress(unusedOf: fixed.vf)
    return try await claim(
      NetworkPort(
        uuid: newClaimUUID(), owner: guest, mac: mac, vf: fixed.vf, managed: isManaged(fixed.pool), vlan: fixed.vlan),
      on: fixed.vf, in: fixed.pool, isMet: isMet)
  }
}

extension Lease {
  /// The NIC's MAC; nil where its VF is passed through as it is, and the guest's driver chooses.
  var ownMAC: MACAddress? { vf.map { MACAddress(unusedOf: $0) } == mac ? nil : mac }
}
