import PoolModel

/// A guest's whole XML: what vfpool wants to know of it, and its devices as libvirt takes them for a detach.
public struct GuestDocument: Hashable, Sendable {
  public let description: GuestDescription
  /// NICs of every kind, then PCI devices passed through by a plain `<hostdev>`, each in document order.
  public let devices: [GuestDevice]
  public let pci: GuestPCI

  /// Reads a `<domain>` as `virDomainGetXMLDesc` gives it; a guest without name or UUID is refused.
  public init(xml: String) throws(XMLProblem) {
    let root = try XMLTree(xml: xml, limit: XMLTree.libvirtLimit).root
    description = try GuestDescription(root)
    let all = root.child("devices")
    let nics = all?.children("interface") ?? []
    let hostdevs = all?.children("hostdev") ?? []
    devices =
      zip(nics, description.nics).map { GuestDevice($0, kind: .nic, source: $1.source, mac: $1.mac) }
      + hostdevs.compactMap { hostdev in
        PCIAddress(hostdev: hostdev).map { GuestDevice(hostdev, kind: .hostdev, source: .hostdev($0), mac: nil) }
      }
    pci = GuestPCI(all?.elements ?? [])
  }
}

/// A NIC or PCI device of a guest.
public struct GuestDevice: Hashable, Sendable {
  /// A NIC's part in a fail-over pair of virtio (`<teaming>`).
  public enum Teaming: Hashable, Sendable {
    case persistent
    /// The VF, which stands in for the persistent NIC of this alias.
    case transient(persistent: String)
  }

  public var kind: GuestDeviceKind
  public var source: GuestDescription.NIC.Source
  public var mac: MACAddress?
  /// Its name in the XML, `hostdev0`; a definition has only those that an admin gave, `ua-…`.
  public var alias: String?
  public var teaming: Teaming?
  /// Whether libvirt gives it back to its driver on the host by itself.
  public var isManaged: Bool
  /// Where the guest sees it; nil = libvirt decides.
  public var place: PCIAddress?
  /// The element, by which libvirt finds it.
  public var xml: String

  /// The host's device that it is or asks for by address.
  public var pci: PCIAddress? { if case .hostdev(let pci) = source { pci } else { nil } }

  init(_ element: XMLTree.Element, kind: GuestDeviceKind, source: GuestDescription.NIC.Source, mac: MACAddress?) {
    self.kind = kind
    self.source = source
    self.mac = mac
    isManaged = element["managed"] == "yes"
    if let address = element.child("address"), address["type"] == "pci" { place = PCIAddress(address) }
    alias = element.child("alias")?["name"]
    if let teaming = element.child("teaming") {
      self.teaming = teaming["type"] == "persistent" ? .persistent : .transient(persistent: teaming["persistent"] ?? "")
    }
    xml = element.xml
  }
}
