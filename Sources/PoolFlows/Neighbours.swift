import LibvirtXML
import PoolModel

/// The kernel's side of VFs: rtnetlink and sysfs.
public protocol Links: Sendable {
  /// Every PF and VF of the host, read now; with `counters` what each VF has sent and received, too.
  func inventory(counters: Bool) async throws -> HostInventory
  /// One VF's state as the PF's driver reports it.
  func read(_ vf: VFIndex) async throws -> VFState
  /// The states of all VFs of a PF, by index.
  func states(of pf: String) async throws -> [Int: VFState]
  /// Writes all set fields of each VF's settings; in the same order each one's error, nil = written; `NotOffered` where
  /// the driver can't. On an error some fields may have taken effect.
  func write(_ changes: [(vf: VFIndex, settings: VFSettings)]) async throws -> [(any Error)?]
  /// Sets how many VFs a PF has; returns when they exist. The kernel takes 0 → N and N → 0 only.
  func setVFCount(_ count: Int, pf: String) async throws
  /// Resets a VF's function (FLR); its driver is bound anew. False: the card offers no reset.
  func resetFunction(_ vf: PCIAddress) async throws -> Bool
  /// What else on the host sets a PF's VF count, in words, one each: `/etc/rc.local:3: echo 4 > …`.
  func countWriters(of pf: PF) async throws -> [String]
  /// The VF counts that were saved last.
  func savedCounts() async throws -> [OwnVFCount]
  /// The VF counts that are ours, durable for the next boot.
  func saveOwnCounts(_ counts: [OwnVFCount]) async throws
  /// The driver that is bound to a VF now, `vfio-pci`, `igbvf`; nil = none.
  func driver(of vf: PCIAddress) async throws -> String?
}

extension Links {
  func write(_ settings: VFSettings, to vf: VFIndex) async throws {
    if let error = try await write([(vf, settings)])[0] { throw error }
  }
}

/// A setting of a VF that the card's driver doesn't offer.
public struct NotOffered: Error, CustomStringConvertible {
  /// The kernel's words.
  public var description: String

  public init(_ description: String) { self.description = description }
}

/// A libvirt network of mode hostdev.
public struct NetworkFacts: Hashable, Sendable {
  public var name: String
  public var uuid: String
  public var active: Bool
  public var autostart: Bool
  /// False: it vanishes when it is stopped.
  public var persistent: Bool
  /// Live XML when active, else the inactive one.
  public var xml: String
  /// The XML that the next start will use; nil for a transient network.
  public var inactiveXML: String?
  /// How many of its VFs libvirt counts as taken: as many as it has ports, unless it lost count.
  public var connections: Int

  public init(
    name: String, uuid: String, active: Bool, autostart: Bool, persistent: Bool, xml: String, inactiveXML: String?,
    connections: Int = 0
  ) {
    self.name = name
    self.uuid = uuid
    self.active = active
    self.autostart = autostart
    self.persistent = persistent
    self.xml = xml
    self.inactiveXML = inactiveXML
    self.connections = connections
  }
}

/// libvirt's networks and their ports. Never called from within a network hook: the network is locked there.
public protocol Networks: Sendable {
  /// All networks with `<forward mode='hostdev'>`, active or not.
  func hostdevNetworks() async throws -> [NetworkFacts]
  /// The names of all networks, of whatever mode.
  func networkNames() async throws -> [String]
  /// The ports of an active network.
  func ports(of network: String) async throws -> [NetworkPort]
  /// Makes libvirt count a VF as taken by `port`; refused when another port has it.
  func claim(_ port: NetworkPort, in network: String) async throws
  /// Deletes a port; no error when it is gone already.
  func drop(port uuid: String, in network: String) async throws
  /// Defines (or redefines) a persistent network; returns its UUID.
  func define(xml: String) async throws -> String
  /// Sets what libvirt counts as taken to nothing for every VF of an active network, whatever ports it has.
  func clearCounts(of network: String) async throws
  func setAutostart(_ on: Bool, network: String) async throws
  func start(network: String) async throws
  func stop(network: String) async throws
  func undefine(network: String) async throws
}

/// libvirt's domains. Never called from within any hook: the domain API blocks while a qemu hook waits.
public protocol Guests: Sendable {
  /// The running guests, each from its live XML.
  func running() async throws -> [GuestDescription]
  /// A defined guest as its next start will have it, by name or UUID; nil = there is none.
  func definition(of guest: String) async throws -> GuestDescription?
  /// The guests that are defined, running or not.
  func defined() async throws -> [GuestID]
  /// Gives NICs in a guest's definition other MACs, for its next start; nothing else changes, nor what runs.
  ///
  /// `macs` is given the definition as it is then, and says what they shall be, by `NIC.index`; when it says nothing, the
  /// definition isn't written. False: no guest of that UUID is defined.
  func setMACs(
    ofGuest uuid: String, _ macs: @escaping @Sendable (GuestDescription) -> [Int: MACAddress]
  ) async throws -> Bool
  /// Adds elements of `<devices>` to a guest's definition, all of them or none; nothing else changes, nor what runs.
  ///
  /// `devices` is given the definition as it is then. False: no guest of that UUID is defined.
  func addToDefinition(
    ofGuest uuid: String, _ devices: @escaping @Sendable (GuestDocument) throws -> [String]
  ) async throws -> Bool
  /// Every guest, running or not.
  func all() async throws -> [GuestState]
  /// A guest by name or UUID, running or not; nil = there is none.
  func guest(_ name: String) async throws -> GuestState?
  /// Plugs a device, given as an element of `<devices>`, into the guest with a UUID; returns when it is in.
  func attach(_ device: String, to guest: String, _ scope: GuestScope) async throws
  /// Takes a device out of a definition, or asks the running guest to let it go: what comes of that is told by an event.
  func detach(_ device: String, from guest: String, _ scope: GuestScope) async throws
}

/// A guest as it runs, and as its next start will have it.
public struct GuestState: Hashable, Sendable {
  public var guest: GuestID
  /// Nil = it doesn't run.
  public var live: GuestDocument?
  /// Nil = it is transient.
  public var inactive: GuestDocument?

  public init(guest: GuestID, live: GuestDocument?, inactive: GuestDocument?) {
    self.guest = guest
    self.live = live
    self.inactive = inactive
  }
}

/// The host's PCI devices: sysfs, rtnetlink, procfs and libvirt's node devices. Never called from within any hook.
public protocol Devices: Sendable {
  /// Every PCI device, read now, with what the host does with its interfaces and disks.
  func inventory() async throws -> DeviceInventory
  /// What people call them.
  func names(of devices: [PCIIDs]) async -> PCINames
  /// The processes that have one of these device nodes open, by the node's path: `qemu-system-x86 (process 4711)`.
  func users(of nodes: Set<String>) async -> [String: [String]]
  /// What libvirt says of a device; nil = it doesn't know it.
  func facts(of device: PCIAddress) async throws -> NodeDevice?
  /// Takes a device from its driver and binds it to vfio-pci; returns when that is done.
  func detach(_ device: PCIAddress) async throws
  /// Gives a device back to the host's driver; returns when that has it, or after a while without one. Throws
  /// `DeviceInUse` when libvirt takes it for a guest's.
  func reattach(_ device: PCIAddress) async throws
  /// Resets a device, as far as libvirt does that.
  func reset(_ device: PCIAddress) async throws
}

/// libvirt leaves a device where it is, because it takes it for a guest's.
public struct DeviceInUse: Error, CustomStringConvertible {
  /// libvirt's words.
  public var description: String

  public init(_ description: String) { self.description = description }
}

/// The durable record. Transactions are applied in the order in which `commit` is called.
public protocol Ledger: Sendable {
  func load() async throws -> LedgerContents
  /// Makes `changes` durable in one transaction, then calls `done` with how that went.
  func commit(_ changes: [LedgerChange], done: @escaping @Sendable (Result<Void, any Error>) -> Void)
  /// The same; returns when they are durable.
  func commit(_ changes: [LedgerChange]) async throws
  func history(_ filter: HistoryFilter) async throws -> [ClosedLease]
}

extension Ledger {
  public func commit(_ changes: [LedgerChange]) async throws {
    try await withCheckedThrowingContinuation { continuation in
      commit(changes) { continuation.resume(with: $0) }
    }
  }
}
