import PoolModel

/// A guest's PCI buses: where a device can be plugged in while it runs.
///
/// Source: libvirt's `docs/pci-hotplug.rst`.
public struct GuestPCI: Hashable, Sendable {
  /// What kind of bus everything hangs on.
  public enum Root: String, Hashable, Sendable {
    /// Machine type pc: slots, also on bridges.
    case pci = "pci-root"
    /// Machine type q35 and the like: one device a port, and the root itself takes none while the guest runs.
    case pcie = "pcie-root"

    /// The controller that makes more places.
    public var extender: String {
      switch self {
      case .pci: "pci-bridge"
      case .pcie: "pcie-root-port"
      }
    }

    fileprivate func remedy(guest: String) -> String {
      "add <controller type='pci' model='\(extender)'/> to its definition (virt-xml \(guest) --add-device "
        + "--controller type=pci,model=\(extender))"
    }
  }

  /// Nil = the XML shows no PCI bus, so nothing is known.
  public let root: Root?
  /// How many more devices can be plugged in while the guest runs.
  public let freePlaces: Int
  /// Where the functions of one device can have a slot of their own in the definition; nil = nowhere, or nothing is known.
  public let freeSlot: Slot?

  /// A slot in the definition.
  public struct Slot: Hashable, Sendable {
    public var bus: UInt8
    /// 0...31
    public var slot: UInt8
    /// The `<controller>` that is to be added for it; nil = it is there.
    public var controller: String?
  }

  /// `devices`: all of `<devices>`.
  init(_ devices: [XMLTree.Element]) {
    let controllers = devices.filter { $0.name == "controller" && $0["type"] == "pci" }
    let root = controllers.lazy.compactMap { $0["model"].flatMap(Root.init(rawValue:)) }.first
    var used: [Int: Set<UInt8>] = [:]
    for device in devices {
      guard let address = device.child("address"), address["type"] == "pci", let place = PCIAddress(address) else {
        continue
      }
      used[Int(place.bus), default: []].insert(place.slot)
    }
    let places = controllers.compactMap { controller -> Int? in
      guard controller.child("target")?["hotplug"] != "off", let bus = controller["index"].flatMap({ Int($0) }) else {
        return nil
      }
      let taken = used[bus] ?? []
      switch (root, controller["model"]) {
      case (.pcie, "pcie-root-port"), (.pcie, "pcie-switch-downstream-port"): return taken.isEmpty ? 1 : 0
      // The host bridge is in slot 0 and the chipset in slot 1, whether the XML shows it or not.
      case (.pci, "pci-root"): return (2...31).count { !taken.contains($0) }
      case (.pci, "pci-bridge"): return (1...31).count { !taken.contains($0) }
      default: return nil
      }
    }
    freeSlot = root.flatMap { Self.freeSlot($0, controllers, used) }
    self.root = root
    freePlaces = places.reduce(0, +)
  }

  /// With what the aliases of the ports begin that are added for functions of one slot.
  private static let portAlias = "ua-vfpool-slot-"

  private static func freeSlot(_ root: Root, _ controllers: [XMLTree.Element], _ used: [Int: Set<UInt8>]) -> Slot? {
    let indexes = controllers.compactMap { $0["index"].flatMap { UInt8($0) } }
    switch root {
    case .pcie:
      // A port of its own leaves those that are there to devices that come while the guest runs; one that an earlier
      // device has left serves again.
      for controller in controllers where controller.child("alias")?["name"]?.hasPrefix(portAlias) == true {
        if let bus = controller["index"].flatMap({ UInt8($0) }), used[Int(bus), default: []].isEmpty {
          return Slot(bus: bus, slot: 0)
        }
      }
      guard let last = indexes.max(), last < .max else { return nil }
      let controller = XMLTree.Element(
        "controller",
        attributes: [.init("type", "pci"), .init("index", "\(last + 1)"), .init("model", "pcie-root-port")],
        children: [.element(XMLTree.Element("alias", attributes: [.init("name", "\(portAlias)\(last + 1)")]))])
      return Slot(bus: last + 1, slot: 0, controller: controller.xml)
    case .pci:
      for controller in controllers {
        guard let model = controller["model"], ["pci-root", "pci-bridge"].contains(model),
          let bus = controller["index"].flatMap({ UInt8($0) }),
          // libvirt puts a graphics card into slot 2 of the root, whether the XML shows it or not.
          let slot = ((model == "pci-root" ? 3 : 1)...31).first(where: { used[Int(bus)]?.contains($0) != true })
        else { continue }
        return Slot(bus: bus, slot: slot)
      }
      return nil
    }
  }

  /// Why `count` more devices can't be plugged into the running guest, and what to add; nil = they can, or nothing is
  /// known.
  public func shortage(of count: Int, guest: String) -> String? {
    guard let root, freePlaces < count else { return nil }
    let kind = root == .pcie ? "\(root.extender)s" : "PCI slots"
    let full = freePlaces == 0 ? "no free place for a device while it runs" : "only \(freePlaces) free places"
    return "guest \(guest) has \(full): all its \(kind) are taken; \(root.remedy(guest: guest)) and start it anew"
  }

  /// Why there is no `freeSlot`, and what to add.
  public func noSlot(guest: String) -> String {
    guard let root else { return "the definition of guest \(guest) shows no PCI bus" }
    return "the definition of guest \(guest) has no free PCI slot; \(root.remedy(guest: guest))"
  }
}
