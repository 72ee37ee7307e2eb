import PoolModel

/// A NIC with a VF, as libvirt takes it for an attach.
public struct NICRequest: Hashable, Sendable {
  public enum Source: Hashable, Sendable {
    /// This very VF; `managed`: libvirt binds it to vfio-pci and back by itself.
    case vf(PCIAddress, managed: Bool)
    /// One that libvirt picks at the guest's start.
    case network(name: String, portgroup: String?)
  }

  public var source: Source
  public var mac: MACAddress
  /// Nil = untagged, or the network's own.
  public var vlan: UInt16?
  public var virtualPort: VirtualPort?
  /// The alias of the virtio NIC for which the VF stands in.
  public var persistentAlias: String?

  public init(
    source: Source, mac: MACAddress, vlan: UInt16? = nil, virtualPort: VirtualPort? = nil,
    persistentAlias: String? = nil
  ) {
    self.source = source
    self.mac = mac
    self.vlan = vlan
    self.virtualPort = virtualPort
    self.persistentAlias = persistentAlias
  }

  /// The `<interface>`.
  public var xml: String {
    typealias Element = XMLTree.Element
    var attributes: [XMLTree.Attribute]
    var children = [XMLTree.Node.element(Element("mac", attributes: [.init("address", "\(mac)")]))]
    switch source {
    case .vf(let vf, let managed):
      attributes = [.init("type", "hostdev"), .init("managed", managed ? "yes" : "no")]
      let address = Element("address", attributes: [.init("type", "pci")] + vf.attributes)
      children.append(.element(Element("driver", attributes: [.init("name", "vfio")])))
      children.append(.element(Element("source", children: [.element(address)])))
    case .network(let name, let portgroup):
      attributes = [.init("type", "network")]
      let group = portgroup.map { [XMLTree.Attribute("portgroup", $0)] } ?? []
      children.append(.element(Element("source", attributes: [.init("network", name)] + group)))
    }
    if let vlan {
      let tag = Element("tag", attributes: [.init("id", "\(vlan)")])
      children.append(.element(Element("vlan", children: [.element(tag)])))
    }
    if let virtualPort { children.append(.element(virtualPort.element)) }
    if let persistentAlias {
      children.append(
        .element(
          Element("teaming", attributes: [.init("type", "transient"), .init("persistent", persistentAlias)])))
    }
    return Element("interface", attributes: attributes, children: children).xml
  }
}

/// How a NIC is made known to a switch (`<virtualport>`).
public struct VirtualPort: Hashable, Sendable {
  /// The only kind that libvirt does for VFs: Cisco VN-Link.
  public static let vnLink = "802.1Qbh"

  /// `802.1Qbh`, `802.1Qbg`, `openvswitch` …
  public var type: String
  /// Of 802.1Qbh: the port profile on the switch.
  public var profile: String?

  public init(type: String = vnLink, profile: String?) {
    self.type = type
    self.profile = profile
  }

  init?(_ element: XMLTree.Element) {
    guard let type = element["type"] else { return nil }
    self.init(type: type, profile: element.child("parameters")?["profileid"])
  }

  fileprivate var element: XMLTree.Element {
    let parameters = profile.map {
      [XMLTree.Node.element(XMLTree.Element("parameters", attributes: [.init("profileid", $0)]))]
    }
    return XMLTree.Element("virtualport", attributes: [.init("type", type)], children: parameters ?? [])
  }
}

extension Netdef {
  /// How NICs in `portgroup`, or in the default one, are made known to a switch; nil = they aren't.
  public func virtualPort(portgroup: String?) -> VirtualPort? {
    (group(portgroup)?.child("virtualport") ?? tree.root.child("virtualport")).flatMap { VirtualPort($0) }
  }

  /// Whether NICs in `portgroup`, or in the default one, shall carry several VLANs: libvirt takes that for a VF at define
  /// and fails at each start.
  public func isTrunk(portgroup: String?) -> Bool {
    (group(portgroup)?.child("vlan") ?? tree.root.child("vlan")).map { VLANTag($0) == nil } ?? false
  }

  private func group(_ name: String?) -> XMLTree.Element? {
    guard let name = name ?? pool.defaultPortgroup else { return nil }
    return tree.root.children("portgroup").first { $0["name"] == name }
  }
}

extension PCIAddress {
  /// The `<hostdev>` that gives the device to a guest; libvirt binds it to vfio-pci and back by itself.
  public var hostdevXML: String { hostdev().xml }

  /// The same as the first of several functions of a slot in the guest, or another one of them.
  public func hostdevXML(at place: PCIAddress) -> String {
    let first = place.function == 0 ? [XMLTree.Attribute("multifunction", "on")] : []
    return hostdev([
      .element(XMLTree.Element("address", attributes: [.init("type", "pci")] + place.attributes + first))
    ]).xml
  }

  private func hostdev(_ children: [XMLTree.Node] = []) -> XMLTree.Element {
    typealias Element = XMLTree.Element
    let address = Element("address", attributes: attributes)
    return Element(
      "hostdev", attributes: [.init("mode", "subsystem"), .init("type", "pci"), .init("managed", "yes")],
      children: [
        .element(Element("driver", attributes: [.init("name", "vfio")])),
        .element(Element("source", children: [.element(address)])),
      ] + children)
  }
}
