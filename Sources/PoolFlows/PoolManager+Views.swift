import LibvirtXML
import PoolModel

/// The host as vfpoold sees it at one moment.
public struct HostView: Sendable {
  public var inventory: HostInventory
  public var contents: LedgerContents
  /// libvirt's hostdev networks by name, as last read.
  public var networks: [String: NetworkFacts]
  /// The standing of every VF that a pool lists, and the pool; a free one that is kept for a guest is reserved.
  public var standings: [PCIAddress: (pool: String, standing: VFStanding)]
  public var isConnected: Bool
  /// Whether the last write to it succeeded.
  public var isLedgerWritable: Bool
  /// In words, the most general first.
  public var problems: [String]
}

/// What the CLI and other readers see.
extension PoolManager {
  /// With the inventory read anew: the kernel is asked, not memory; `counters` too, if wanted.
  public func view(counters: Bool = false) async -> HostView {
    await refreshInventory(counters: counters)
    return viewOfMemory()
  }

  private func viewOfMemory() -> HostView {
    HostView(
      inventory: inventory, contents: contents, networks: facts, standings: allStandings(), isConnected: isConnected,
      isLedgerWritable: problems["ledger"] == nil && unusableLedger == nil,
      problems: problems.sorted { $0.key < $1.key }.map(\.value) + lostCardProblems + carrierProblems
        + suspectPFProblems + outsideChangeProblems + macClashProblems + (fleet?.problems ?? []))
  }

  /// The standing of every VF that a pool lists, from memory.
  func allStandings() -> [PCIAddress: (pool: String, standing: VFStanding)] {
    var all: [PCIAddress: (pool: String, standing: VFStanding)] = [:]
    for pool in contents.pools.values.sorted(by: { $0.name < $1.name }) {
      let kept = layout(of: pool).reservations
      for (vf, standing) in zip(pool.addresses, standings(of: pool.addresses)) {
        let keeping = standing == .free ? kept[vf].map { VFStanding.reserved("for guest \($0.guest)") } : nil
        all[vf] = (pool.name, keeping ?? standing)
      }
    }
    return all
  }

  /// The pool that lists a VF; where several do, the first by name.
  func poolName(of vf: PCIAddress, where isMeant: (Pool) -> Bool = { _ in true }) -> String? {
    contents.pools.values.filter { isMeant($0) && $0.addresses.contains(vf) }.map(\.name).min()
  }

  /// What needs no look at the kernel: leases, MACs, netdefs.
  public func contentsNow() -> LedgerContents { contents }

  /// Newest first.
  public func history(_ filter: HistoryFilter) async throws -> [ClosedLease] { try await ledger.history(filter) }

  public func netdef(of name: String) throws -> String {
    let pool = try pool(named: name)
    let text = contents.netdefs[pool.name] ?? ""
    return text.isEmpty ? facts[name]?.inactiveXML ?? facts[name]?.xml ?? "" : text
  }
}
