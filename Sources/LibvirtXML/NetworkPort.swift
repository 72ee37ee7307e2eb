import PoolModel

/// One port of a libvirt network of mode hostdev: a VF in use, or a claim on one (`virNetworkPortCreateXML`).
public struct NetworkPort: Hashable, Sendable {
  /// Lower case with dashes.
  public var uuid: String
  /// The guest, or for a hold `Hold.ownerName` and `Hold.ownerUUID`.
  public var owner: GuestID
  public var mac: MACAddress
  /// `<group>`: from a guest's start on the only place that still names the portgroup.
  public var portgroup: String?
  /// Nil for a port that isn't a PCI device's.
  public var vf: PCIAddress?
  /// libvirt binds the VF to vfio-pci and back by itself.
  public var managed: Bool
  /// Nil: untagged, or a trunk.
  public var vlan: VLANTag?
  /// What else libvirt says of how the VF is plugged in (`<driver>`, later versions also its model), written back as it was.
  public var plug: XMLTree.Element
  /// What else libvirt says of the port (`<virtualport>`, `<bandwidth>`, a plug of another type, …), written back as it
  /// was.
  public var others: [XMLTree.Element]

  /// vfio, with the driver that libvirt chooses.
  public static let vfioPlug = XMLTree.Element(
    "plug", children: [.element(XMLTree.Element("driver", attributes: [.init("name", "vfio")]))])

  public init(
    uuid: String, owner: GuestID, mac: MACAddress, portgroup: String? = nil, vf: PCIAddress?, managed: Bool = true,
    vlan: VLANTag? = nil, plug: XMLTree.Element = Self.vfioPlug, others: [XMLTree.Element] = []
  ) {
    self.uuid = uuid
    self.owner = owner
    self.mac = mac
    self.portgroup = portgroup
    self.vf = vf
    self.managed = managed
    self.vlan = vlan
    self.plug = plug
    self.others = others
  }

  /// Whether the port is a hold of vfpool's own, which runs no flow.
  public var isHold: Bool { owner.uuid == Hold.ownerUUID }
}

extension NetworkPort {
  /// Reads a `<networkport>` as `virNetworkPortGetXMLDesc` gives it.
  public init(xml: String) throws(XMLProblem) {
    try self.init(XMLTree(xml: xml, limit: XMLTree.libvirtLimit).root)
  }

  init(_ element: XMLTree.Element) throws(XMLProblem) {
    guard element.name == "networkport" else {
      throw XMLProblem(.refused, line: element.line, "<\(element.name)> where a <networkport> is expected")
    }
    guard let uuid = element.child("uuid").flatMap({ canonicalUUID($0.text) }) else {
      throw XMLProblem(.refused, line: element.line, "the network port has no UUID")
    }
    guard let owner = element.child("owner"), let guest = GuestID(owner) else {
      throw XMLProblem(.refused, line: element.line, "network port \(uuid) has no owner with a name and a UUID")
    }
    guard let mac = element.child("mac")?["address"].flatMap({ MACAddress(libvirt: $0) }) else {
      throw XMLProblem(.refused, line: element.line, "network port \(uuid) has no MAC")
    }
    let plug = element.child("plug")
    let vf = plug?["type"] == "hostdev-pci" ? plug?.child("address").flatMap { PCIAddress($0) } : nil
    var known: Set = ["uuid", "owner", "mac", "group"]
    if vf != nil { known.insert("plug") }
    let vlan = element.child("vlan").flatMap { VLANTag($0) }
    self.init(
      uuid: uuid, owner: guest, mac: mac, portgroup: element.child("group").map(\.text),
      vf: vf, managed: plug?["managed"] == "yes", vlan: vlan,
      plug: plug.flatMap { vf == nil ? nil : Self.rest(of: $0) } ?? Self.vfioPlug,
      others: element.elements.filter { !known.contains($0.name) && !($0.name == "vlan" && vlan != nil) }
        .map(\.withoutLines))
  }

  /// A plug without what has a field of its own here.
  private static func rest(of plug: XMLTree.Element) -> XMLTree.Element {
    XMLTree.Element(
      "plug", attributes: plug.attributes.filter { !["type", "managed"].contains($0.name) },
      children: plug.elements.filter { $0.name != "address" }.map { .element($0) }
    ).withoutLines
  }

  /// The port as libvirt takes it for a claim.
  public var xml: String {
    typealias Element = XMLTree.Element
    let leaf = { (name: String, text: String) in XMLTree.Node.element(Element(name, children: [.text(text)])) }
    var parts: [XMLTree.Node] = [
      leaf("uuid", uuid),
      .element(Element("owner", children: [leaf("name", owner.name), leaf("uuid", owner.uuid)])),
    ]
    if let portgroup { parts.append(leaf("group", portgroup)) }
    parts.append(.element(Element("mac", attributes: [.init("address", "\(mac)")])))
    if let vlan {
      let tag = Element("tag", attributes: [.init("id", "\(vlan.id)")])
      parts.append(.element(Element("vlan", children: [.element(tag)])))
    }
    parts += others.map { .element($0) }
    if let vf {
      parts.append(
        .element(
          Element(
            "plug",
            attributes: [.init("type", "hostdev-pci"), .init("managed", managed ? "yes" : "no")] + plug.attributes,
            children: plug.children + [.element(Element("address", attributes: vf.attributes))])))
    }
    return Element("networkport", children: parts).xml
  }
}

extension GuestID {
  /// Reads the `<name>` and `<uuid>` children of a `<domain>` or an `<owner>`.
  init?(_ element: XMLTree.Element) {
    guard let name = element.child("name")?.text, !name.isEmpty,
      let uuid = element.child("uuid").flatMap({ canonicalUUID($0.text) })
    else { return nil }
    self.init(name: name, uuid: uuid)
  }
}
