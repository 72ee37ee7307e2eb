import PoolFlows
import PoolModel
import Synchronization

/// A host's card in memory: PFs with VFs, their states, and what was written, in order.
public final class FakeKernel: Links {
  public struct State {
    public var pfs: [PF] = []
    public var vfs: [VFIndex: VF] = [:]
    public var numaNodes: [Int: Set<Int>] = [:]
    public var writes: [(VFIndex, VFSettings)] = []
    /// Writes of these VFs fail.
    public var broken: Set<VFIndex> = []
    /// Fields that a VF pretends to take.
    public var deaf: Set<VFIndex> = []
    /// VFs that take all but rates, and fail.
    public var picky: Set<VFIndex> = []
    /// What the driver says to settings; nil = it takes them.
    public var refusal: (@Sendable (VFSettings) -> (any Error)?)?
    /// What comes of settings that it takes.
    public var effect: (@Sendable (VFSettings) -> VFSettings)?
    public var ownCounts: [OwnVFCount] = []
    /// How many VFs something else makes on each PF at boot.
    public var othersCount = 0
    public var countFails = false
    public var resetFails = false
    public var resets: [PCIAddress] = []
    /// What else sets a PF's VF count, by the PF's name.
    public var countWriters: [String: [String]] = [:]
  }

  public struct Failure: Error, CustomStringConvertible {
    public var description: String

    public init(description: String) { self.description = description }
  }

  public let state: Mutex<State>

  /// PFs `enp1s0`, `enp2s0` …, each able to have `total` VFs and having `count`.
  public init(pfs: Int = 2, count: Int = 7, total: Int = 7) {
    var state = State()
    state.othersCount = count
    for number in 1...pfs {
      state.pfs.append(
        PF(
          name: "enp\(number)s0", ifindex: Int32(number), pci: PCIAddress(bus: UInt8(number), slot: 0, function: 0),
          id: PCIID(vendor: 0x8086, device: 0x10c9), vfID: PCIID(vendor: 0x8086, device: 0x10ca),
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
      // From 10.0 on, every second function; a PF with more than 64 VFs goes on at a bus that no other PF has.
      let place = 128 + index * 2
      state.vfs[id] = VF(
        id: id,
        pci: PCIAddress(
          bus: UInt8(number + 1 + place / 256 * 16), slot: UInt8(place / 8 % 32), function: UInt8(place % 8)),
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
        }, numaNodes: state.numaNodes)
    }
  }

  public func read(_ vf: VFIndex) async throws -> VFState {
    guard let found = self[vf] else { throw Failure(description: "no VF \(vf)") }
    return found
  }

  public func states(of pf: String) async throws -> [Int: VFState] {
    state.withLock { state in
      let mine = state.vfs.values.filter { $0.id.pf == pf }
      return Dictionary(uniqueKeysWithValues: mine.compactMap { vf in vf.state.map { (vf.id.index, $0) } })
    }
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
        if let error = state.refusal?(settings) { return error }
        if !state.deaf.contains(vf) { state.vfs[vf]?.state?.take(state.effect?(settings) ?? settings) }
        return nil
      }
    }
  }

  public func setVFCount(_ count: Int, pf: String) async throws {
    try state.withLock { state in
      if state.countFails { throw Failure(description: "Cannot allocate memory") }
      guard let number = state.pfs.firstIndex(where: { $0.name == pf }), state.pfs[number].numVFs != count else {
        return
      }
      Self.setCount(count, of: number, &state)
    }
  }

  public func savedCounts() async throws -> [OwnVFCount] { state.withLock { $0.ownCounts } }

  public func saveOwnCounts(_ counts: [OwnVFCount]) async throws { state.withLock { $0.ownCounts = counts } }

  public func countWriters(of pf: PF) async throws -> [String] { state.withLock { $0.countWriters[pf.name] ?? [] } }

  public func resetFunction(_ vf: PCIAddress) async throws -> Bool {
    try state.withLock { state in
      if state.resetFails { throw Failure(description: "inappropriate ioctl for device") }
      state.resets.append(vf)
      return true
    }
  }

  public func driver(of vf: PCIAddress) async throws -> String? {
    state.withLock { $0.vfs.values.first { $0.pci == vf }?.driver }
  }

  // MARK: What others do to it

  /// All VFs are gone, or new where something else than vfpool makes them.
  public func reboot() {
    state.withLock { state in
      for number in state.pfs.indices {
        let isOwn = state.ownCounts.contains { $0.pci == state.pfs[number].pci }
        Self.setCount(isOwn ? 0 : state.othersCount, of: number, &state)
      }
    }
  }

  /// `vfpool boot`, which runs whenever vfpoold starts.
  public func boot() {
    state.withLock { state in
      for number in state.pfs.indices where state.pfs[number].numVFs == 0 {
        let own = state.ownCounts.first { $0.pci == state.pfs[number].pci }
        if let own { Self.setCount(own.count, of: number, &state) }
      }
    }
  }

  /// A PF with its VFs.
  public struct Card: Sendable {
    public var pf: PF
    public var vfs: [VFIndex: VF]
  }

  /// Takes a card out; nil: there is none of this name.
  public func unplug(_ name: String) -> Card? {
    state.withLock { state in
      guard let place = state.pfs.firstIndex(where: { $0.name == name }) else { return nil }
      let card = Card(pf: state.pfs.remove(at: place), vfs: state.vfs.filter { $0.key.pf == name })
      for id in card.vfs.keys { state.vfs[id] = nil }
      return card
    }
  }

  public func plug(_ card: Card) {
    state.withLock { state in
      state.pfs.append(card.pf)
      state.vfs.merge(card.vfs) { _, new in new }
    }
  }

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
