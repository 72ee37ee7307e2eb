import PoolModel

/// What libvirt says of a PCI device.
public struct NodeDevice: Hashable, Sendable {
  /// `pci_0000_01_10_0`
  public var name: String
  /// The device that it is below: `pci_0000_00_1c_0`.
  public var parent: String?
  public var driver: String?
  public var product: String?
  public var vendor: String?
  /// The PCIe link's greatest speed and width; nil for a VF, which has none of its own, and for plain PCI.
  public var linkLimit: PCIeLink?
  /// The PCIe link's speed and width now.
  public var link: PCIeLink?
  public var pci: PCIAddress?
  /// The PF of a VF.
  public var pf: PCIAddress?
  /// The VFs of a PF, in libvirt's order.
  public var vfs: [PCIAddress]
  /// How many VFs a PF can have; nil for what is no PF, and where libvirt doesn't say.
  public var maxVFs: Int?
  /// Its other devices, too; libvirt doesn't tell of their drivers.
  public var iommuGroup: IOMMUGroup?
  public var numaNode: Int?
  /// The card's own words for itself (VPD); libvirt shows them to root only.
  public var productData: ProductData?
  /// What mediated devices can be made of it.
  public var mediatedTypes: [MediatedType]

  /// What a card's vital product data says.
  public struct ProductData: Hashable, Sendable {
    public var name: String?
    public var partNumber: String?
    public var serialNumber: String?

    public init(name: String? = nil, partNumber: String? = nil, serialNumber: String? = nil) {
      self.name = name
      self.partNumber = partNumber
      self.serialNumber = serialNumber
    }
  }

  /// A kind of mediated devices.
  public struct MediatedType: Hashable, Sendable {
    /// `nvidia-11`
    public var id: String
    /// How many more can be made.
    public var available: Int

    public init(id: String, available: Int) {
      self.id = id
      self.available = available
    }
  }

  public init(
    name: String, parent: String? = nil, driver: String? = nil, product: String? = nil, vendor: String? = nil,
    linkLimit: PCIeLink? = nil, link: PCIeLink? = nil, pci: PCIAddress? = nil, pf: PCIAddress? = nil,
    vfs: [PCIAddress] = [], maxVFs: Int? = nil, iommuGroup: IOMMUGroup? = nil, numaNode: Int? = nil,
    productData: ProductData? = nil, mediatedTypes: [MediatedType] = []
  ) {
    self.name = name
    self.parent = parent
    self.driver = driver
    self.product = product
    self.vendor = vendor
    self.linkLimit = linkLimit
    self.link = link
    self.pci = pci
    self.pf = pf
    self.vfs = vfs
    self.maxVFs = maxVFs
    self.iommuGroup = iommuGroup
    self.numaNode = numaNode
    self.productData = productData
    self.mediatedTypes = mediatedTypes
  }
}

/// Speed and width of a PCIe link.
public struct PCIeLink: Hashable, Sendable, CustomStringConvertible {
  /// GT/s, as libvirt writes it: `2.5`. Nil = libvirt doesn't know.
  public var speed: String?
  /// Lanes.
  public var width: Int

  public init(speed: String?, width: Int) {
    self.speed = speed
    self.width = width
  }

  public var description: String { "\(speed.map { "\($0) GT/s " } ?? "")x\(width)" }
}

extension NodeDevice {
  /// Reads a `<device>` as `virNodeDeviceGetXMLDesc` gives it; one without a name, or not on PCI, is refused.
  public init(xml: String) throws(XMLProblem) {
    let root = try XMLTree(xml: xml, limit: XMLTree.libvirtLimit).root
    guard root.name == "device", let name = root.child("name")?.text else {
      throw XMLProblem(.refused, line: root.line, "<\(root.name)> where a <device> with a name is expected")
    }
    guard let pci = root.children("capability").first(where: { $0["type"] == "pci" }) else {
      throw XMLProblem(.refused, line: root.line, "device \(name) is no PCI device")
    }
    let links = pci.child("pci-express")?.children("link") ?? []
    let filled = { (text: String?) in text.flatMap { $0.isEmpty ? nil : $0 } }
    let capability = { (type: String) in pci.children("capability").first { $0["type"] == type } }
    let addresses = { (element: XMLTree.Element?) in (element?.children("address") ?? []).compactMap { PCIAddress($0) }
    }
    let own = PCIAddress(
      XMLTree.Element(
        "address",
        attributes: ["domain", "bus", "slot", "function"].compactMap { part in
          pci.child(part).map { .init(part, $0.text) }
        }))
    self.init(
      name: name, parent: root.child("parent")?.text, driver: root.child("driver")?.child("name")?.text,
      product: filled(pci.child("product")?.text), vendor: filled(pci.child("vendor")?.text),
      linkLimit: links.first { $0["validity"] == "cap" }.flatMap { PCIeLink($0) },
      link: links.first { $0["validity"] == "sta" }.flatMap { PCIeLink($0) }, pci: own,
      pf: addresses(capability("phys_function")).first, vfs: addresses(capability("virt_functions")),
      maxVFs: capability("virt_functions")?["maxCount"].flatMap { Int($0) },
      iommuGroup: pci.child("iommuGroup").flatMap { group in
        group["number"].flatMap { Int($0) }.map { number in
          IOMMUGroup(number, others: addresses(group).filter { $0 != own }.sorted())
        }
      }, numaNode: pci.child("numa")?["node"].flatMap { Int($0) },
      productData: capability("vpd").map { ProductData($0) },
      mediatedTypes: (capability("mdev_types")?.children("type") ?? []).compactMap { type in
        type["id"].map {
          MediatedType(id: $0, available: type.child("availableInstances").flatMap { Int($0.text) } ?? 0)
        }
      })
  }
}

extension NodeDevice.ProductData {
  fileprivate init(_ capability: XMLTree.Element) {
    let fields = capability.children("fields").first { $0["access"] == "readonly" }
    self.init(
      name: capability.child("name")?.text, partNumber: fields?.child("part_number")?.text,
      serialNumber: fields?.child("serial_number")?.text)
  }
}

extension PCIeLink {
  /// Nil for a link of no lanes, as VFs have them.
  fileprivate init?(_ element: XMLTree.Element) {
    guard let width = element["width"].flatMap({ Int($0) }), width > 0 else { return nil }
    self.init(speed: element["speed"], width: width)
  }
}
