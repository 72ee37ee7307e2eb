import PoolFlows
import PoolModel

struct FaultyLinks: Links, Faulty {
  let inner: any Links
  let check: FaultCheck

  func inventory(counters: Bool) async throws -> HostInventory {
    try await around(.linksInventory) { try await inner.inventory(counters: counters) }
  }

  func read(_ vf: VFIndex) async throws -> VFState { try await around(.linksRead) { try await inner.read(vf) } }

  func states(of pf: String) async throws -> [Int: VFState] {
    try await around(.linksStates) { try await inner.states(of: pf) }
  }

  /// As the kernel does it, each write fails by itself.
  func write(_ changes: [(vf: VFIndex, settings: VFSettings)]) async throws -> [(any Error)?] {
    do { return try await around(.linksWrite) { try await inner.write(changes) } } catch let error as FaultError {
      return changes.map { _ in error }
    }
  }

  func setVFCount(_ count: Int, pf: String) async throws {
    try await around(.linksSetVFCount) { try await inner.setVFCount(count, pf: pf) }
  }

  func resetFunction(_ vf: PCIAddress) async throws -> Bool {
    try await around(.linksResetFunction) { try await inner.resetFunction(vf) }
  }

  func countWriters(of pf: PF) async throws -> [String] {
    try await around(.linksCountWriters) { try await inner.countWriters(of: pf) }
  }

  func savedCounts() async throws -> [OwnVFCount] {
    try await around(.linksSavedCounts) { try await inner.savedCounts() }
  }

  func saveOwnCounts(_ counts: [OwnVFCount]) async throws {
    try await around(.linksSaveOwnCounts) { try await inner.saveOwnCounts(counts) }
  }

  func driver(of vf: PCIAddress) async throws -> String? {
    try await around(.linksDriver) { try await inner.driver(of: vf) }
  }
}
