import LibvirtXML
import PoolModel

/// The kernel's side of VFs: rtnetlink and sysfs.
public protocol Links: Sendable {
  /// Every PF and VF of the host, read now; with `counters` what each VF has sent and received, too.
  func inventory(counters: Bool) async throws -> HostInventory
  /// One VF's state as the PF's driver reports it.
  func read(_ vf: VFIndex) async throws -> VFState
  /// Writes all set fields of each VF's settings; in the same order each one's error, nil = written. On an error some
  /// fields may have taken effect.
  func write(_ changes: [(vf: VFIndex, settings: VFSettings)]) async throws -> [(any Error)?]
  /// Sets how many VFs a PF has; returns when they exist. The kernel takes 0 → N and N → 0 only.
  func setVFCount(_ count: Int, pf: String) async throws
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

/// A VF count that vfpool keeps on a PF.
public struct OwnVFCount: Hashable, Sendable {
  public var pf: String
  public var pci: PCIAddress
  public var mac: MACAddress?
  public var count: Int

  public init(pf: String, pci: PCIAddress, mac: MACAddress?, count: Int) {
    self.pf = pf
    self.pci = pci
    self.mac = mac
    self.count = count
  }
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

  public init(
    name: String, uuid: String, active: Bool, autostart: Bool, persistent: Bool, xml: String, inactiveXML: String?
  ) {
    self.name = name
    self.uuid = uuid
    self.active = active
    self.autostart = autostart
    self.persistent = persistent
    self.xml = xml
    self.inactiveXML = inactiveXML
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
  func setAutostart(_ on: Bool, network: String) async throws
  func start(network: String) async throws
  func stop(network: String) async throws
  func undefine(network: String) async throws
}

/// libvirt's domains. Never called from within any hook: the domain API blocks while a qemu hook waits.
public protocol Guests: Sendable {
  /// The running guests, each from its live XML.
  func running() async throws -> [GuestDescription]
}

/// The durable record. Transactions are applied in the order in which `commit` is called.
public protocol Ledger: Sendable {
  func load() async throws -> LedgerContents
  /// Makes `changes` durable in one transaction, then calls `done` with how that went.
  func commit(_ changes: [LedgerChange], done: @escaping @Sendable (Result<Void, any Error>) -> Void)
  func history(_ filter: HistoryFilter) async throws -> [ClosedLease]
}

extension Ledger {
  public func commit(_ changes: [LedgerChange]) async throws {
    try await withCheckedThrowingContinuation { continuation in
      commit(changes) { continuation.resume(with: $0) }
    }
  }
}
