import LibvirtXML
import PoolFlows
import PoolModel
import Synchronization

/// A host's PCI devices in memory: the fake kernel's cards and VFs with a group each, and what a test adds.
public final class FakeDevices: Devices {
  public struct State {
    public var others: [PCIDevice] = []
    /// Changes of what the kernel's devices show, by address.
    public var changes: [PCIAddress: @Sendable (inout PCIDevice) -> Void] = [:]
    public var users: [String: [String]] = [:]
    public var names = PCINames()
    public var calls: [String] = []
    /// `detach`, or `detach 0000:01:10.0`.
    public var failing: Set<String> = []
    /// Calls that say they are done and do nothing.
    public var deaf: Set<String> = []
    /// What the host's own driver of an added device is, for a reattach.
    public var ownDrivers: [PCIAddress: String] = [:]
    /// What libvirt takes for a guest's, though no guest has it, and how often it will still say so.
    public var lost: [PCIAddress: Int] = [:]
    public var isUnknownToLibvirt = false
    /// The nodes whose users were asked for, in order.
    public var looks: [Set<String>] = []
  }

  public struct Failure: Error, CustomStringConvertible {
    public var description: String
  }

  public let state = Mutex(State())
  public let kernel: FakeKernel

  public init(kernel: FakeKernel) { self.kernel = kernel }

  public func inventory() async throws -> DeviceInventory {
    let (pfs, vfs) = kernel.state.withLock { ($0.pfs, Array($0.vfs.values)) }
    let cards = pfs.compactMap { pf in
      pf.pci.map {
        PCIDevice(
          pci: $0, ids: PCIIDs(deviceClass: 0x0200, vendor: 0x8086, device: 0x10c9), driver: pf.driver,
          iommuGroup: Int($0.bus), numVFs: pf.numVFs, totalVFs: pf.totalVFs, resetMethods: ["flr"],
          netdevs: [DeviceNetdev(name: pf.name)])
      }
    }
    let functions = vfs.compactMap { vf in
      vf.pci.map { pci in
        PCIDevice(
          pci: pci, ids: PCIIDs(deviceClass: 0x0200, vendor: 0x8086, device: 0x10ca), driver: vf.driver,
          iommuGroup: Int(pci.bus) * 100 + vf.id.index, pf: pfs.first { $0.name == vf.id.pf }?.pci,
          resetMethods: ["flr"])
      }
    }
    return state.withLock { state in
      let all = (cards + functions + state.others).map { device in
        var device = device
        state.changes[device.pci]?(&device)
        return device
      }
      return DeviceInventory(devices: all.sorted { $0.pci < $1.pci })
    }
  }

  public func names(of devices: [PCIIDs]) async -> PCINames { state.withLock { $0.names } }

  public func users(of nodes: Set<String>) async -> [String: [String]] {
    state.withLock { state in
      state.looks.append(nodes)
      return state.users.filter { nodes.contains($0.key) }
    }
  }

  public func facts(of device: PCIAddress) async throws -> NodeDevice? {
    state.withLock { $0.isUnknownToLibvirt ? nil : NodeDevice(name: device.libvirtName, parent: "computer") }
  }

  public func detach(_ device: PCIAddress) async throws { try act("detach", device) { _ in "vfio-pci" } }

  public func reattach(_ device: PCIAddress) async throws {
    let isVF = kernel.id(device) != nil
    let isLost = state.withLock { state in
      guard let times = state.lost[device], times > 0 else { return false }
      state.lost[device] = times - 1
      return true
    }
    if isLost {
      throw DeviceInUse("PCI device \(device) is in use by driver QEMU, domain gone")
    }
    try act("reattach", device) { isVF ? "igbvf" : $0.ownDrivers[device] }
  }

  public func reset(_ device: PCIAddress) async throws { try act("reset", device, nil) }

  private func act(_ call: String, _ device: PCIAddress, _ driver: ((State) -> String?)?) throws {
    try state.withLock { state in
      state.calls.append("\(call) \(device)")
      for words in [call, "\(call) \(device)"] where state.failing.contains(words) {
        throw Failure(description: "\(words) failed")
      }
      guard let driver, !state.deaf.contains(call) else { return }
      let new = driver(state)
      if let vf = kernel.id(device) { kernel.bind(vf, to: new) }
      if let place = state.others.firstIndex(where: { $0.pci == device }) { state.others[place].driver = new }
    }
  }

  // MARK: What a test does to it

  public func change(_ pci: PCIAddress, _ change: @escaping @Sendable (inout PCIDevice) -> Void) {
    state.withLock { $0.changes[pci] = change }
  }

  public func add(_ device: PCIDevice) {
    state.withLock { state in
      state.others.append(device)
      state.ownDrivers[device.pci] = device.driver
    }
  }

  public var calls: [String] { state.withLock { $0.calls } }
}
