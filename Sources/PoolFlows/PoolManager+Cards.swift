import LibvirtXML
import PoolModel

/// Cards that come, go, and move, and the pools that find them by a selector.
extension PoolManager {
  /// The VFs of a PF that a pool takes, by index.
  func vfs(of pf: PF, _ wanted: PoolPF) -> [PCIAddress] {
    inventory.vfs.filter { $0.id.pf == pf.name && (wanted.range?.contains($0.id.index) ?? true) }
      .sorted { $0.id.index < $1.id.index }.compactMap(\.pci)
  }

  /// Pools that mean a PF of which they have no VF: a card has come, or sits elsewhere now.
  func movedCardDrifts() -> [Drift] {
    contents.pools.values.sorted { $0.name < $1.name }.compactMap { pool in
      guard pool.mode == .enforce, pool.unfinished == nil, facts[pool.name] != nil else { return nil }
      let known = Set(pool.addresses)
      let isNew = inventory.pfs(of: pool).contains { pf, wanted in
        let mine = vfs(of: pf, wanted)
        return !mine.isEmpty && known.isDisjoint(with: mine) && pf.unsupported == nil
          && wanted.vfs ?? pf.numVFs == pf.numVFs
          && mine.allSatisfy { poolName(of: $0, where: { $0.name != pool.name }) == nil }
      }
      // While an apply is under way, or has broken off, its netdef isn't the ledger's.
      guard isNew, let netdef = storedNetdef(of: pool), netdef.fillsAddresses,
        netdef.pool.pfs.map(\.selector) == pool.pfs.map(\.selector)
      else { return nil }
      let list = addresses(of: pool)
      let leased = Set(holders(of: pool.name).compactMap(\.vf))
      return .cardsMoved(pool, list + pool.addresses.filter { leased.contains($0) && !list.contains($0) })
    }
  }

  /// The netdef of a pool as the ledger has it; nil when there is none that can be read.
  func storedNetdef(of pool: Pool) -> Netdef? { contents.netdefs[pool.name].flatMap { try? Netdef(libvirtXML: $0) } }

  /// Has libvirt list the VFs that a pool's selectors mean now.
  func follow(_ pool: Pool, to addresses: [PCIAddress]) async throws -> Bool {
    guard contents.pools[pool.name] == pool, let network = facts[pool.name], let netdef = storedNetdef(of: pool) else {
      return false
    }
    var moved = pool
    moved.addresses = addresses
    try await recordBaselines(moved)
    _ = try await networks.define(xml: netdef.xml(uuid: network.uuid, addresses: addresses))
    if network.active,
      try await !restartNetwork(of: pool.name, listing: addresses, patience: .zero)
    {
      reconcileLater()
      return false
    }
    try await commit([.savePool(moved, netdef: contents.netdefs[pool.name] ?? "")])
    await rereadNetworks()
    return true
  }

  /// In words, for each pool that lacks a card.
  var lostCardProblems: [String] {
    contents.pools.values.filter { $0.mode == .enforce }.sorted { $0.name < $1.name }.flatMap { pool in
      let lost = pool.pfs.map(\.selector).filter { inventory.pfs($0).isEmpty }
      let gone = pool.addresses.filter { inventory.vf(at: $0) == nil }
      var found = lost.map { "pool \(pool.name) has lost PF \($0): no card of this host is that" }
      if lost.isEmpty, !gone.isEmpty {
        found.append(
          "pool \(pool.name) has lost \(gone.count) of its \(pool.addresses.count) VFs, which no card of this host has now, "
            + "the first is \(gone[0])")
      }
      for (pf, wanted) in inventory.pfs(of: pool) {
        let mine = vfs(of: pf, wanted)
        guard !mine.isEmpty, mine.allSatisfy({ !pool.addresses.contains($0) }),
          let other = mine.lazy.compactMap({ self.poolName(of: $0) }).first
        else { continue }
        found.append(
          "pool \(pool.name) selects PF \(pf.name) by \(wanted.selector), and pool \(other) has VFs of it: none of them "
            + "comes to \(pool.name) until the netdef of one of the two leaves the PF out")
      }
      return found
    }
  }

  /// What the host's cards can be selected by, for refusals.
  var selectableCards: String {
    let cards = inventory.pfs.map { pf in
      let parts = [
        pf.pci.map { "pci=\"\($0)\"" }, pf.ownMAC.map { "mac=\"\($0)\"" }, (pf.vfID ?? pf.id).map { "match=\"\($0)\"" },
        pf.driver.map { "driver=\"\($0)\"" },
      ].compactMap(\.self)
      return parts.isEmpty ? pf.name : "\(pf.name) (\(parts.joined(separator: " ")))"
    }
    return cards.isEmpty ? "no SR-IOV card" : cards.joined(separator: ", ")
  }
}
