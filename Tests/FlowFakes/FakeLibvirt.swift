import LibvirtXML
import PoolFlows
import PoolModel
import Synchronization

/// libvirt's side in memory, as it behaves: it hands out the first address without a port, sets MAC and VLAN on the VF,
/// restores them at the end, and runs the hooks in its order.
public final class FakeLibvirt: Networks, Guests {
  public struct Network {
    public var facts: NetworkFacts
    public var pool: Pool
    public var ports: [String: NetworkPort] = [:]
  }

  public struct State {
    public var networks: [String: Network] = [:]
    public var otherNames: Set<String> = ["default"]
    public var running: [String: GuestDescription] = [:]
    /// MAC and VLAN that a VF had before libvirt set the guest's.
    public var saved: [PCIAddress: VFState] = [:]
    public var nextUUID = 1
    public var calls: [String] = []
    public var failing: Set<String> = []
  }

  public struct Failure: Error, CustomStringConvertible {
    public var description: String
  }

  public let state = Mutex(State())
  public let kernel: FakeKernel

  public init(kernel: FakeKernel) { self.kernel = kernel }

  public static func uuid(_ number: Int) -> String {
    let digits = String(number)
    return "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
  }

  private func note(_ call: String) throws {
    try state.withLock { state in
      state.calls.append(call)
      if let word = call.split(separator: " ").first, state.failing.contains(String(word)) {
        throw Failure(description: "\(word) failed")
      }
    }
  }

  // MARK: Networks

  public func hostdevNetworks() async throws -> [NetworkFacts] { state.withLock { $0.networks.values.map(\.facts) } }

  public func networkNames() async throws -> [String] {
    state.withLock { Array($0.networks.keys) + Array($0.otherNames) }
  }

  public func ports(of network: String) async throws -> [NetworkPort] {
    state.withLock { $0.networks[network].map { Array($0.ports.values) } ?? [] }
  }

  public func claim(_ port: NetworkPort, in network: String) async throws {
    try note("claim \(port.vf.map { "\($0)" } ?? "?")")
    try state.withLock { state in
      guard let ports = state.networks[network]?.ports else { throw Failure(description: "no network \(network)") }
      if ports.values.contains(where: { $0.vf == port.vf }) {
        throw Failure(description: "already in use by a different network port")
      }
      state.networks[network]?.ports[port.uuid] = port
    }
  }

  public func drop(port uuid: String, in network: String) async throws {
    try note("drop \(uuid)")
    state.withLock { $0.networks[network]?.ports[uuid] = nil }
  }

  public func define(xml: String) async throws -> String {
    try note("define")
    let netdef = try Netdef(libvirtXML: xml)
    var pool = netdef.pool
    if pool.addresses.isEmpty {
      let inventory = try await kernel.inventory(counters: false)
      pool.addresses = pool.pfs.flatMap { wanted in inventory.vfs.filter { $0.id.pf == wanted.dev }.compactMap(\.pci) }
    }
    return state.withLock { state in
      let old = state.networks[pool.name]
      let uuid = old?.facts.uuid ?? Self.uuid(900 + state.networks.count)
      state.networks[pool.name] = Network(
        facts: NetworkFacts(
          name: pool.name, uuid: uuid, active: old?.facts.active ?? false, autostart: old?.facts.autostart ?? false,
          persistent: true, xml: xml, inactiveXML: xml), pool: pool, ports: old?.ports ?? [:])
      return uuid
    }
  }

  public func setAutostart(_ on: Bool, network: String) async throws {
    try note("autostart")
    state.withLock { $0.networks[network]?.facts.autostart = on }
  }

  public func start(network: String) async throws {
    try note("start")
    state.withLock { $0.networks[network]?.facts.active = true }
  }

  public func stop(network: String) async throws {
    try note("stop")
    state.withLock {
      $0.networks[network]?.facts.active = false
      $0.networks[network]?.ports = [:]
    }
  }

  public func undefine(network: String) async throws {
    try note("undefine")
    state.withLock { $0.networks[network] = nil }
  }

  // MARK: Guests

  public func running() async throws -> [GuestDescription] { state.withLock { Array($0.running.values) } }

  // MARK: What virsh does

  public static func guest(_ number: Int, networks: [String], portgroup: String? = nil, mac: MACAddress? = nil)
    -> GuestDescription
  {
    GuestDescription(
      guest: GuestID(name: "g\(number)", uuid: uuid(number)),
      nics: networks.enumerated().map { index, network in
        .init(
          source: .network(name: network, portgroup: portgroup),
          mac: mac ?? MACAddress(value: 0x5254_0000_0000 | UInt64(number) << 8 | UInt64(index)), index: index)
      }, hostdevs: [])
  }

  /// `virsh start`: the refusal, libvirt's own error, or nil when the guest runs.
  public func start(_ guest: GuestDescription, _ manager: PoolManager, hooks: Bool = true) async -> String? {
    if hooks, case .refuse(let why) = await manager.prepare(guest, deadline: HookDeadline(in: .seconds(60))) {
      return why
    }
    var live = guest
    for (place, nic) in guest.nics.enumerated() {
      guard case .network(let name, let portgroup) = nic.source else { continue }
      guard let port = allocate(name, guest.guest, nic, portgroup) else {
        await end(guest.guest, manager, hooks: hooks)
        return "network '\(name)' requires exclusive access to interfaces, but none are available"
      }
      live.nics[place].source = .hostdev(port.vf)
      if hooks { await manager.allocated(port, network: name, deadline: HookDeadline(in: .seconds(60))) }
      if let vf = port.vf, let id = kernel.id(vf) {
        let vlan = state.withLock { $0.networks[name]?.pool.vlan(portgroup: portgroup) }
        kernel.change(id, VFSettings(mac: nic.mac, vlan: .init(vlan.map { VLANTag(id: $0.id) })))
        kernel.bind(id, to: "vfio-pci")
      }
    }
    state.withLock { $0.running[guest.guest.uuid] = live }
    if hooks { await manager.started(guest.guest, deadline: HookDeadline(in: .seconds(60))) }
    await manager.guestStarted(guest.guest.uuid)
    return nil
  }

  private func allocate(_ name: String, _ guest: GuestID, _ nic: GuestDescription.NIC, _ portgroup: String?)
    -> NetworkPort?
  {
    state.withLock { state in
      guard let network = state.networks[name], let mac = nic.mac else { return nil }
      let taken = Set(network.ports.values.compactMap(\.vf))
      guard let vf = network.pool.addresses.first(where: { !taken.contains($0) }) else { return nil }
      let port = NetworkPort(
        uuid: Self.uuid(100_000 + state.nextUUID), owner: guest, mac: mac, portgroup: portgroup, vf: vf, managed: true)
      state.nextUUID += 1
      state.networks[name]?.ports[port.uuid] = port
      state.saved[vf] = kernel.id(vf).flatMap { kernel[$0] }
      return port
    }
  }

  /// `virsh destroy`
  public func stop(_ guest: GuestID, _ manager: PoolManager, hooks: Bool = true) async {
    state.withLock { $0.running[guest.uuid] = nil }
    await end(guest, manager, hooks: hooks)
    await manager.guestStopped(guest.uuid)
  }

  private func end(_ guest: GuestID, _ manager: PoolManager, hooks: Bool) async {
    let ports = state.withLock { state in
      state.networks.flatMap { name, network in
        network.ports.values.filter { $0.owner.uuid == guest.uuid }.map { (name, $0) }
      }
    }
    for (name, port) in ports {
      if let vf = port.vf, let id = kernel.id(vf), let saved = state.withLock({ $0.saved[vf] }) {
        kernel.change(id, VFSettings(mac: saved.mac, vlan: .init(saved.vlan)))
        kernel.bind(id, to: "igbvf")
      }
      state.withLock { $0.networks[name]?.ports[port.uuid] = nil }
      if hooks { await manager.freed(port, network: name, deadline: HookDeadline(in: .seconds(60))) }
    }
    if hooks { await manager.released(manager.run(of: guest)) }
  }

  public func ports(_ network: String) -> [NetworkPort] {
    state.withLock { Array($0.networks[network]?.ports.values ?? [:].values) }
  }
  public func vf(of guest: GuestID, _ network: String) -> PCIAddress? {
    ports(network).first { $0.owner.uuid == guest.uuid }?.vf
  }
}
