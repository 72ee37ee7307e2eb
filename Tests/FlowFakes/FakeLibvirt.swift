import LibvirtXML
import PoolFlows
import PoolModel
import Synchronization

/// libvirt's side in memory, as it behaves: it hands out the first address without a port, sets MAC and VLAN on the VF,
/// restores them at the end, and runs the hooks in its order.
public final class FakeLibvirt: Networks, Guests {
  public struct Network {
    public var facts: NetworkFacts
    /// Its list and VLANs as it runs.
    public var pool: Pool
    /// As its next start will make it.
    public var definedPool: Pool
    public private(set) var ports: [String: NetworkPort] = [:]
    /// How often each VF is taken, as libvirt believes.
    public var counts: [PCIAddress: Int] = [:] {
      didSet { facts.connections = counts.values.reduce(0, +) }
    }

    public init(facts: NetworkFacts, pool: Pool) {
      self.facts = facts
      self.pool = pool
      definedPool = pool
    }

    mutating func add(_ port: NetworkPort) {
      ports[port.uuid] = port
      if let vf = port.vf { counts[vf, default: 0] += 1 }
    }

    mutating func remove(port uuid: String) {
      if let vf = ports.removeValue(forKey: uuid)?.vf { counts[vf, default: 0] -= 1 }
    }

    public mutating func removeAllPorts() {
      ports = [:]
      counts = [:]
    }

    mutating func start() {
      facts.active = true
      pool = definedPool
    }

    mutating func stop() {
      facts.active = false
      facts.xml = facts.inactiveXML ?? facts.xml
      pool = definedPool
      removeAllPorts()
    }
  }

  public struct State {
    public var networks: [String: Network] = [:]
    public var otherNames: Set<String> = ["default"]
    public var running: [String: GuestDescription] = [:]
    public var defined: [GuestDescription] = []
    /// MAC and VLAN that a VF had before libvirt set the guest's.
    public var saved: [PCIAddress: VFState] = [:]
    /// The ports that libvirt made by itself, and so deletes by itself.
    public var ownPorts: Set<String> = []
    /// What else a guest's XML has among its devices, by its UUID.
    public var otherDevices: [String: String] = [:]
    /// The devices that were attached, as vfpoold gave them.
    public var attached: [String] = []
    /// How many devices a guest has places for, each on a port of its own.
    public var rootPorts = 8
    /// Guests that don't hear when they are asked to let a device go, by name.
    public var deafGuests: Set<String> = []
    /// Guests that refuse to let a device go, by name.
    public var stubbornGuests: Set<String> = []
    /// The event that follows when a guest was asked to let a device go.
    public var onUnplug: (@Sendable (_ guest: GuestID, _ alias: String, _ isGone: Bool) async -> Void)?
    /// Called before vfpoold's port is made.
    public var beforeClaim: (@Sendable () async -> Void)?
    /// Called before the ports of a network are told.
    public var beforePorts: (@Sendable () async -> Void)?
    public var nextUUID = 1
    public var calls: [String] = []
    public var failing: Set<String> = []
    /// Calls that fail the next time.
    public var failingOnce: Set<String> = []
    /// Changes that are done, and whose answer is lost.
    public var answersLost: Set<String> = []
    /// The hook that runs when vfpoold deletes a port.
    public var onDrop: (@Sendable (NetworkPort) async -> Void)?
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
      let word = call.split(separator: " ").first.map(String.init) ?? call
      if state.failing.contains(word) || state.failingOnce.remove(word) != nil {
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
    await state.withLock { $0.beforePorts }?()
    return state.withLock { $0.networks[network].map { Array($0.ports.values) } ?? [] }
  }

  public func claim(_ port: NetworkPort, in network: String) async throws {
    await state.withLock { $0.beforeClaim }?()
    try note("claim \(port.vf.map { "\($0)" } ?? "?")")
    try state.withLock { state in
      try Self.check(network, isActive: true, state)
      guard let known = state.networks[network] else { return }
      if let vf = port.vf, !known.pool.addresses.contains(vf) {
        throw Failure(description: "network \(network) doesn't have \(vf)")
      }
      if let vf = port.vf, known.counts[vf, default: 0] > 0 {
        throw Failure(description: "already in use by a different network port")
      }
      state.networks[network]?.add(port)
    }
  }

  public func drop(port uuid: String, in network: String) async throws {
    try note("drop \(uuid)")
    let (port, hook) = state.withLock { state in
      let port = state.networks[network]?.ports[uuid]
      state.networks[network]?.remove(port: uuid)
      return (port, state.onDrop)
    }
    if let port { await hook?(port) }
  }

  public func define(xml: String) async throws -> String {
    try note("define")
    let netdef = try Netdef(libvirtXML: xml)
    var pool = netdef.pool
    if pool.addresses.isEmpty {
      let inventory = try await kernel.inventory(counters: false)
      pool.addresses = inventory.pfs(of: pool).flatMap { pf, _ in
        inventory.vfs.filter { $0.id.pf == pf.name }.compactMap(\.pci)
      }
    }
    return state.withLock { state in
      let old = state.networks[pool.name]
      let active = old?.facts.active ?? false
      let uuid = old?.facts.uuid ?? Self.uuid(900 + state.networks.count)
      // A network that runs goes on as it is until it is started anew.
      var network = Network(
        facts: NetworkFacts(
          name: pool.name, uuid: uuid, active: active, autostart: old?.facts.autostart ?? false, persistent: true,
          xml: active ? old?.facts.xml ?? xml : xml, inactiveXML: xml), pool: active ? old?.pool ?? pool : pool)
      network.definedPool = pool
      for port in old?.ports.values ?? [:].values { network.add(port) }
      network.counts = old?.counts ?? [:]
      state.networks[pool.name] = network
      return uuid
    }
  }

  public func clearCounts(of network: String) async throws {
    try note("clear")
    state.withLock { $0.networks[network]?.counts = [:] }
  }

  public func setAutostart(_ on: Bool, network: String) async throws {
    try note("autostart")
    try state.withLock { state in
      try Self.check(network, isActive: nil, state)
      state.networks[network]?.facts.autostart = on
    }
  }

  public func start(network: String) async throws {
    try note("start")
    try state.withLock { state in
      try Self.check(network, isActive: false, state)
      state.networks[network]?.start()
    }
  }

  public func stop(network: String) async throws {
    try note("stop")
    try state.withLock { state in
      try Self.check(network, isActive: true, state)
      state.networks[network]?.stop()
    }
  }

  public func undefine(network: String) async throws {
    try note("undefine")
    try state.withLock { state in
      try Self.check(network, isActive: nil, state)
      state.networks[network] = nil
    }
  }

  private static func check(_ network: String, isActive: Bool?, _ state: State) throws {
    guard let facts = state.networks[network]?.facts else { throw Failure(description: "no network \(network)") }
    guard let isActive, facts.active != isActive else { return }
    throw Failure(description: "network \(network) is \(isActive ? "not active" : "already active")")
  }

  // MARK: Guests

  public func running() async throws -> [GuestDescription] { state.withLock { Array($0.running.values) } }

  public func definition(of guest: String) async throws -> GuestDescription? {
    state.withLock { $0.defined.first { $0.guest.name == guest || $0.guest.uuid == guest } }
  }

  public func defined() async throws -> [GuestID] { state.withLock { $0.defined.map(\.guest) } }

  public func setMACs(
    ofGuest uuid: String, _ macs: @escaping @Sendable (GuestDescription) -> [Int: MACAddress]
  ) async throws -> Bool {
    guard let old = definition(uuid: uuid) else { return false }
    let wanted = macs(old)
    if wanted.isEmpty { return true }
    try note("setMACs \(old.guest.name)")
    state.withLock { state in
      for place in state.defined.indices where state.defined[place].guest.uuid == uuid {
        for nic in state.defined[place].nics.indices {
          if let mac = wanted[state.defined[place].nics[nic].index] { state.defined[place].nics[nic].mac = mac }
        }
      }
    }
    return true
  }

  public func addToDefinition(
    ofGuest uuid: String, _ devices: @escaping @Sendable (GuestDocument) throws -> [String]
  ) async throws -> Bool {
    guard let old = try guestNow(uuid)?.inactive else { return false }
    try note("addToDefinition \(old.description.guest.name)")
    let elements = try devices(old)
    let wanted = try GuestDescription(device: elements.joined())
    state.withLock { state in
      state.attached += elements
      for place in state.defined.indices where state.defined[place].guest.uuid == uuid {
        state.defined[place].add(wanted)
      }
    }
    if state.withLock({ $0.answersLost.contains("addToDefinition") }) {
      throw FlowError(.unavailable, "lost the connection to libvirt")
    }
    return true
  }

  public func all() async throws -> [GuestState] {
    let known = state.withLock { Array($0.running.values) + $0.defined }
    return try Set(known.map(\.guest.uuid)).sorted().compactMap { try guestNow($0) }
  }

  public func guest(_ name: String) async throws -> GuestState? { try guestNow(name) }

  private func guestNow(_ name: String) throws -> GuestState? {
    let isIt = { (guest: GuestDescription) in guest.guest.name == name || guest.guest.uuid == name }
    let (live, defined, ports, others) = state.withLock { state in
      (state.running.values.first(where: isIt), state.defined.first(where: isIt), state.rootPorts, state.otherDevices)
    }
    guard let guest = (live ?? defined)?.guest else { return nil }
    let document = { (known: GuestDescription, isLive: Bool) in
      try GuestDocument(xml: known.xml(isLive: isLive, rootPorts: ports, others: others[guest.uuid] ?? ""))
    }
    return GuestState(
      guest: guest, live: try live.map { try document($0, true) }, inactive: try defined.map { try document($0, false) }
    )
  }

  public func attach(_ device: String, to guest: String, _ scope: GuestScope) async throws {
    try note("attach\(scope == .live ? "Live" : "Config") \(guest)")
    let wanted = try GuestDescription(device: device)
    try state.withLock { state in
      state.attached.append(device)
      if scope.contains(.config) {
        guard let place = state.defined.firstIndex(where: { $0.guest.uuid == guest }) else {
          throw Failure(description: "no definition")
        }
        state.defined[place].add(wanted)
      }
      guard scope.contains(.live) else { return }
      guard state.running[guest] != nil else { throw Failure(description: "domain is not running") }
      for vf in wanted.vfs {
        if state.running.values.contains(where: { $0.vfs.contains(vf) }) {
          throw Failure(description: "PCI device \(vf) is in use")
        }
      }
      state.running[guest]?.add(wanted)
    }
    guard scope.contains(.live) else { return }
    for vf in wanted.vfs { give(vf, wanted.nics) }
  }

  public func detach(_ device: String, from guest: String, _ scope: GuestScope) async throws {
    try note("detach\(scope == .live ? "Live" : "Config") \(guest)")
    let wanted = try GuestDescription(device: device)
    if scope.contains(.config) {
      state.withLock { state in
        if let place = state.defined.firstIndex(where: { $0.guest.uuid == guest }) {
          state.defined[place].remove(wanted)
        }
      }
    }
    guard scope.contains(.live), let live = state.withLock({ $0.running[guest] }) else { return }
    let (isDeaf, isStubborn) = state.withLock { state in
      (state.deafGuests.contains(live.guest.name), state.stubbornGuests.contains(live.guest.name))
    }
    if isDeaf { return }
    if !isStubborn { return await letGo(wanted, of: live.guest) }
    let hook = state.withLock(\.onUnplug)
    for vf in wanted.vfs { await hook?(live.guest, GuestDescription.alias(vf), false) }
  }

  /// A guest lets devices go, as it was asked to or not.
  public func letGo(_ devices: GuestDescription, of guest: GuestID) async {
    state.withLock { $0.running[guest.uuid]?.remove(devices) }
    for vf in devices.vfs { takeBack(vf) }
    state.withLock { state in
      for (name, network) in state.networks {
        for port in network.ports.values where port.owner == guest && state.ownPorts.contains(port.uuid) {
          if let vf = port.vf, devices.vfs.contains(vf) { state.networks[name]?.remove(port: port.uuid) }
        }
      }
    }
    let hook = state.withLock(\.onUnplug)
    for vf in devices.vfs { await hook?(guest, GuestDescription.alias(vf), true) }
  }

  // MARK: What virsh does

  /// `virsh define`
  public func define(_ guest: GuestDescription, _ manager: some HookListener) async {
    let isNew = state.withLock { state in
      let others = state.defined.filter { $0.guest.uuid != guest.guest.uuid }
      defer { state.defined = others + [guest] }
      return others.count == state.defined.count
    }
    if isNew { await manager.guestDefined(guest.guest) }
  }

  /// `virsh undefine`
  public func undefine(_ guest: GuestID) { state.withLock { $0.defined.removeAll { $0.guest.uuid == guest.uuid } } }

  /// The definition, by UUID.
  public func definition(uuid: String) -> GuestDescription? {
    state.withLock { $0.defined.first { $0.guest.uuid == uuid } }
  }

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
  public func start(_ guest: GuestDescription, _ manager: some HookListener, hooks: Bool = true) async -> String? {
    if hooks, case .refuse(let refusal) = await manager.prepare(guest, deadline: HookDeadline(in: .seconds(60))) {
      return refusal.text
    }
    var live = guest
    for (place, nic) in guest.nics.enumerated() {
      guard case .network(let name, let portgroup) = nic.source else { continue }
      guard let port = allocate(name, guest.guest, nic, portgroup) else {
        await end(guest.guest, manager, hooks: hooks)
        return "network '\(name)' requires exclusive access to interfaces, but none are available"
      }
      live.nics[place].source = .hostdev(port.vf)
      live.nics[place].vlan = port.vlan
      if hooks { await manager.allocated(port, network: name, deadline: HookDeadline(in: .seconds(60))) }
      if let vf = port.vf, let id = kernel.id(vf) {
        kernel.change(id, VFSettings(mac: nic.mac, vlan: .init(port.vlan)))
        kernel.bind(id, to: "vfio-pci")
      }
    }
    for vf in guest.vfs { give(vf, guest.nics) }
    state.withLock { $0.running[guest.guest.uuid] = live }
    if hooks { await manager.started(guest.guest, deadline: HookDeadline(in: .seconds(60))) }
    await manager.guestStarted(guest.guest.uuid)
    return nil
  }

  /// What libvirt does with a VF that a guest names.
  private func give(_ vf: PCIAddress, _ nics: [GuestDescription.NIC]) {
    guard let id = kernel.id(vf) else { return }
    state.withLock { $0.saved[vf] = kernel[id] }
    if let nic = nics.first(where: { $0.vf == vf }) {
      kernel.change(id, VFSettings(mac: nic.mac, vlan: .init(nic.vlan)))
    }
    kernel.bind(id, to: "vfio-pci")
  }

  private func allocate(_ name: String, _ guest: GuestID, _ nic: GuestDescription.NIC, _ portgroup: String?)
    -> NetworkPort?
  {
    state.withLock { state in
      guard let network = state.networks[name], let mac = nic.mac else { return nil }
      guard let vf = network.pool.addresses.first(where: { network.counts[$0, default: 0] == 0 }) else { return nil }
      let vlan = nic.vlan ?? network.pool.vlan(portgroup: portgroup)
      let port = NetworkPort(
        uuid: Self.uuid(100_000 + state.nextUUID), owner: guest, mac: mac, portgroup: portgroup, vf: vf, managed: true,
        vlan: vlan.map { VLANTag(id: $0.id) })
      state.nextUUID += 1
      state.networks[name]?.add(port)
      state.ownPorts.insert(port.uuid)
      state.saved[vf] = kernel.id(vf).flatMap { kernel[$0] }
      return port
    }
  }

  /// `virsh destroy`
  public func stop(_ guest: GuestID, _ manager: some HookListener, hooks: Bool = true) async {
    let live = state.withLock { $0.running.removeValue(forKey: guest.uuid) }
    // A network's restart takes the ports, and not the devices.
    for vf in live?.vfs ?? [] { takeBack(vf) }
    await end(guest, manager, hooks: hooks)
    await manager.guestStopped(guest.uuid)
  }

  private func end(_ guest: GuestID, _ manager: some HookListener, hooks: Bool) async {
    let ports = state.withLock { state in
      state.networks.flatMap { name, network in
        network.ports.values.filter { $0.owner.uuid == guest.uuid && state.ownPorts.contains($0.uuid) }.map {
          (name, $0)
        }
      }
    }
    for (name, port) in ports {
      if let vf = port.vf { takeBack(vf) }
      state.withLock { $0.networks[name]?.remove(port: port.uuid) }
      if hooks { await manager.freed(port, network: name, deadline: HookDeadline(in: .seconds(60))) }
    }
    if hooks { await manager.release(guest) }
  }

  private func takeBack(_ vf: PCIAddress) {
    guard let id = kernel.id(vf), let saved = state.withLock({ $0.saved.removeValue(forKey: vf) }) else { return }
    kernel.change(id, VFSettings(mac: saved.mac, vlan: .init(saved.vlan)))
    kernel.bind(id, to: "igbvf")
  }

  /// The host's reboot: guests and ports are gone, networks start that do so by themselves.
  public func reboot() {
    state.withLock { state in
      state.running = [:]
      state.saved = [:]
      for name in state.networks.keys {
        if state.networks[name]?.facts.active == true { state.networks[name]?.stop() }
        if state.networks[name]?.facts.autostart == true { state.networks[name]?.start() }
      }
    }
  }

  public func connections(_ network: String) -> Int { state.withLock { $0.networks[network]?.facts.connections ?? 0 } }
  public func ports(_ network: String) -> [NetworkPort] {
    state.withLock { Array($0.networks[network]?.ports.values ?? [:].values) }
  }
  public func vf(of guest: GuestID, _ network: String) -> PCIAddress? {
    ports(network).first { $0.owner.uuid == guest.uuid }?.vf
  }
}
