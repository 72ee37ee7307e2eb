import PoolFlows
import PoolModel
import Synchronization

/// A host's card in memory: PFs with VFs, their states, and what was written, in order.
public final class FakeKernel: Links {
  public struct State {
    public var pfs: [PF] = []
    public var vfs: [VFIndex: VF] = [:]
    public var writes: [(VFIndex, VFSettings)] = []
    /// Writes of these VFs fail.
    public var broken: Set<VFIndex> = []
    /// Fields that a VF pretends to take.
    public var deaf: Set<VFIndex> = []
    /// VFs that take all but rates, and fail.
    public var picky: Set<VFIndex> = []
    public var ownCounts: [OwnVFCount] = []
    public var countFails = false
  }

  public struct Failure: Error, CustomStringConvertible {
    public var description: String
  }

  public let state: Mutex<State>

  /// PFs `enp1s0`, `enp2s0` …, each able to have `total` VFs and having `count`.
  public init(pfs: Int = 2, count: Int = 7, total: Int = 7) {
    var state = State()
    for number in 1...pfs {
      state.pfs.append(
        PF(
          name: "enp\(number)s0", ifindex: Int32(number), pci: PCIAddress(bus: UInt8(number), slot: 0, function: 0),
          mac: MACAddress(value: 0x5254_00aa_0000 + UInt64(number)), driver: "igb", carrier: true, numVFs: 0,
          totalVFs: total))
    }
    self.state = Mutex(state)
    for number in 0..<pfs { self.state.withLock { Self.setCount(count, of: number, &$0) } }
  }

  private static func setCount(_ count: Int, of number: Int, _ state: inout State) {
    let pf = state.pfs[number].name
    state.pfs[number].numVFs = count
    for id in state.vfs.keys where id.pf == pf { state.vfs[id] = nil }
    for index in 0..<count {
      let id = VFIndex(pf: pf, index: index)
      state.vfs[id] = VF(
        id: id, pci: PCIAddress(bus: UInt8(number + 1), slot: UInt8(16 + index / 4), function: UInt8(index % 4) * 2),
        driver: "igbvf",
        state: VFState(
          mac: MACAddress(value: 0x0a00_0000_0000 | UInt64(number) << 8 | UInt64(index)), spoofchk: true, trust: false,
          linkState: .auto, minTxRate: 0, maxTxRate: 0))
    }
  }

  public func inventory(counters: Bool) async throws -> HostInventory {
    state.withLock { state in
      HostInventory(
        pfs: state.pfs,
        vfs: state.pfs.flatMap { pf in
          state.vfs.values.filter { $0.id.pf == pf.name }.sorted { $0.id.index < $1.id.index }
        })
    }
  }

  public func read(_ vf: VFIndex) async throws -> VFState {
    guard let found = self[vf] else { throw Failure(description: "no VF \(vf)") }
    return found
  }

  public func write(_ changes: [(vf: VFIndex, settings: VFSettings)]) async throws -> [(any Error)?] {
    state.withLock { state in
      changes.map { change in
        let (vf, settings) = change
        if state.broken.contains(vf) { return Failure(description: "Device or resource busy") }
        state.writes.append((vf, settings))
        if state.picky.contains(vf), settings.maxTxRate != nil {
          var taken = settings
          taken.maxTxRate = nil
          state.vfs[vf]?.state?.take(taken)
          return Failure(description: "Invalid argument")
        }
        if !state.deaf.contains(vf) { state.vfs[vf]?.state?.take(settings) }
        return nil
      }
    }
  }

  public func setVFCount(_ count: Int, pf: String) async throws {
    try state.withLock { state in
      if state.countFails { throw Failure(description: "Cannot allocate memory") }
      guard let number = state.pfs.firstIndex(where: { $0.name == pf }) else { return }
      Self.setCount(count, of: number, &state)
    }
  }

  public func saveOwnCounts(_ counts: [OwnVFCount]) async throws { state.withLock { $0.ownCounts = counts } }

  public func driver(of vf: PCIAddress) async throws -> String? {
    state.withLock { $0.vfs.values.first { $0.pci == vf }?.driver }
  }

  // MARK: What others do to it

  public subscript(vf: VFIndex) -> VFState? { state.withLock { $0.vfs[vf]?.state } }

  public func bind(_ vf: VFIndex, to driver: String?) { state.withLock { $0.vfs[vf]?.driver = driver } }

  public func change(_ vf: VFIndex, _ settings: VFSettings) { state.withLock { $0.vfs[vf]?.state?.take(settings) } }

  public func id(_ vf: PCIAddress) -> VFIndex? { state.withLock { $0.vfs.values.first { $0.pci == vf }?.id } }
  public func pci(_ pf: String, _ index: Int) -> PCIAddress? {
    state.withLock { $0.vfs[VFIndex(pf: pf, index: index)]?.pci }
  }
  public var writeCount: Int { state.withLock { $0.writes.count } }
}

extension VFState {
  public mutating func take(_ settings: VFSettings) {
    if let mac = settings.mac { self.mac = mac }
    if let vlan = settings.vlan { self.vlan = vlan.tag }
    spoofchk = settings.spoofchk ?? spoofchk
    trust = settings.trust ?? trust
    linkState = settings.linkState ?? linkState
    minTxRate = settings.minTxRate ?? minTxRate
    maxTxRate = settings.maxTxRate ?? maxTxRate
    rssQuery = settings.rssQuery ?? rssQuery
  }
}
