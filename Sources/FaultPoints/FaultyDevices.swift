import LibvirtXML
import PoolFlows
import PoolModel

struct FaultyDevices: Devices, Faulty {
  let inner: any Devices
  let check: FaultCheck

  func inventory() async throws -> DeviceInventory {
    try await around(.devicesInventory) { try await inner.inventory() }
  }

  func names(of devices: [PCIIDs]) async -> PCINames {
    await around(.devicesNames, nothing: PCINames()) { await inner.names(of: devices) }
  }

  func users(of nodes: Set<String>) async -> [String: [String]] {
    await around(.devicesUsers, nothing: [:]) { await inner.users(of: nodes) }
  }

  func facts(of device: PCIAddress) async throws -> NodeDevice? {
    try await around(.devicesFacts) { try await inner.facts(of: device) }
  }

  func detach(_ device: PCIAddress) async throws { try await around(.devicesDetach) { try await inner.detach(device) } }

  func reattach(_ device: PCIAddress) async throws {
    try await around(.devicesReattach) { try await inner.reattach(device) }
  }

  func reset(_ device: PCIAddress) async throws { try await around(.devicesReset) { try await inner.reset(device) } }
}
