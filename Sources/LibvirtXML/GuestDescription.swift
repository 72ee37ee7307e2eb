import PoolModel

/// What vfpool wants to know of a guest: who it is, and which networks and VFs it asks for or has.
public struct GuestDescription: Hashable, Sendable {
  public var guest: GuestID
  /// In document order, which is also the order in which libvirt serves them.
  public var nics: [NIC]
  /// PCI devices passed through with a plain `<hostdev>`, in document order.
  public var hostdevs: [PCIAddress]
  /// The host's NUMA nodes that its memory comes from (`<numatune>`); empty = it doesn't say.
  public var memoryNodes: Set<Int>
  /// The host's CPUs that its own are pinned to (`<vcpupin>`, `<vcpu cpuset=…>`); empty = it doesn't say.
  public var cpus: Set<Int>

  public init(
    guest: GuestID, nics: [NIC], hostdevs: [PCIAddress], memoryNodes: Set<Int> = [], cpus: Set<Int> = []
  ) {
    self.guest = guest
    self.nics = nics
    self.hostdevs = hostdevs
    self.memoryNodes = memoryNodes
    self.cpus = cpus
  }

  /// One `<interface>`.
  public struct NIC: Hashable, Sendable {
    public enum Source: Hashable, Sendable {
      /// `type='network'`: libvirt picks; the portgroup is the guest's own choice.
      case network(name: String, portgroup: String?)
      /// `type='hostdev'`: fixed by the guest's definition, or what libvirt picked. Both look alike: a running guest's
      /// XML names neither network nor portgroup. Nil: the source isn't a PCI address.
      case hostdev(PCIAddress?)
      /// Bridges, direct, user and whatever else has no VF.
      case other
    }

    public var source: Source
    public var mac: MACAddress?
    /// The NIC's own `<vlan>`, which goes before the network's; nil also for a trunk.
    public var vlan: VLANTag?
    /// The position among all NICs of the guest, from 0.
    public var index: Int

    public init(source: Source, mac: MACAddress?, vlan: VLANTag? = nil, index: Int) {
      self.source = source
      self.mac = mac
      self.vlan = vlan
      self.index = index
    }

    /// The VF that the NIC has or asks for by address.
    public var vf: PCIAddress? { if case .hostdev(let vf) = source { vf } else { nil } }
  }
}

extension GuestDescription {
  /// Its NICs that name the pool, by position.
  public func nics(ofPool pool: String) -> [NIC] {
    nics.filter { if case .network(pool, _) = $0.source { true } else { false } }
  }

  /// Reads a `<domain>` as a qemu hook gets it on standard input, as `virDomainGetXMLDesc` gives it, or as people write
  /// it; a guest without name or UUID is refused.
  public init(xml: String) throws(XMLProblem) { try self.init(bytes: xml.utf8) }

  /// Reads the bytes as they came; at most `XMLTree.libvirtLimit`.
  public init(bytes: some Collection<UInt8>) throws(XMLProblem) {
    try self.init(XMLTree(bytes: bytes, limit: XMLTree.libvirtLimit).root)
  }

  init(_ root: XMLTree.Element) throws(XMLProblem) {
    guard root.name == "domain", root.namespace == nil else {
      throw XMLProblem(.refused, line: root.line, "<\(root.name)> where a <domain> is expected")
    }
    guard let guest = GuestID(root) else {
      throw XMLProblem(.refused, line: root.line, "the domain has no name, or no UUID")
    }
    // libvirt reads `./devices/interface`, of however many <devices> there are.
    let devices = root.children("devices")
    let interfaces = devices.flatMap { $0.children("interface") }
    let hostdevs = devices.flatMap { $0.children("hostdev") }
    self.init(
      guest: guest, nics: interfaces.enumerated().map { NIC($1, index: $0) },
      hostdevs: hostdevs.compactMap { PCIAddress(hostdev: $0) }, memoryNodes: Self.memoryNodes(root),
      cpus: Self.cpus(root))
  }

  private static func memoryNodes(_ domain: XMLTree.Element) -> Set<Int> {
    let tuning = domain.child("numatune")
    let parts = (tuning?.children("memory") ?? []) + (tuning?.children("memnode") ?? [])
    return union(parts.map { $0["nodeset"] })
  }

  /// libvirt runs a CPU that isn't pinned by itself on the CPUs of `<vcpu>`.
  private static func cpus(_ domain: XMLTree.Element) -> Set<Int> {
    let pinned = union((domain.child("cputune")?.children("vcpupin") ?? []).map { $0["cpuset"] })
    return pinned.isEmpty ? union([domain.child("vcpu")?["cpuset"]]) : pinned
  }

  private static func union(_ lists: [String?]) -> Set<Int> {
    lists.compactMap { $0.flatMap { Set(list: $0) } }.reduce(into: []) { $0.formUnion($1) }
  }
}

extension GuestID {
  /// Whose `<domain>` this is. libvirt writes name and UUID first, so no more than that is read where it can be.
  public init(domain bytes: some Collection<UInt8>) throws(XMLProblem) {
    let head = String(decoding: bytes.prefix(1024), as: UTF8.self)
    if head.hasPrefix("<domain"), let end = head.firstRange(of: "</uuid>"),
      let root = try? XMLTree(xml: head[..<end.upperBound] + "</domain>", limit: 2048).root, let guest = GuestID(root)
    {
      self = guest
      return
    }
    self = try GuestDescription(bytes: bytes).guest
  }
}

extension GuestDescription.NIC {
  init(_ interface: XMLTree.Element, index: Int) {
    let source = interface.child("source")
    let kind: Source =
      switch (interface["type"], source?["network"]) {
      case ("network", let name?): .network(name: name, portgroup: source?["portgroup"])
      case ("hostdev", _):
        .hostdev(source?.child("address").flatMap { $0["type"] ?? "pci" == "pci" ? PCIAddress($0) : nil })
      default: .other
      }
    self.init(
      source: kind, mac: interface.child("mac")?["address"].flatMap { MACAddress(libvirt: $0) },
      vlan: interface.child("vlan").flatMap { VLANTag($0) }, index: index)
  }
}
