import PoolModel

extension XMLTree {
  /// Gives NICs of a `<domain>` other MACs, by `GuestDescription.NIC.index`. Nothing else changes.
  public mutating func setMACs(_ macs: [Int: MACAddress]) {
    var index = 0
    root.changeChildren("devices") { devices in
      devices.changeChildren("interface") { interface in
        if let mac = macs[index] { interface.setMAC(mac) }
        index += 1
      }
    }
  }
}

extension XMLTree.Element {
  /// Calls `change` with each child element of this name and of no namespace.
  mutating func changeChildren(_ name: String, _ change: (inout XMLTree.Element) -> Void) {
    for place in children.indices {
      guard case .element(var child) = children[place], child.name == name, child.namespace == nil else { continue }
      change(&child)
      children[place] = .element(child)
    }
  }

  fileprivate mutating func setMAC(_ mac: MACAddress) {
    if child("mac") == nil { children.insert(.element(XMLTree.Element("mac")), at: 0) }
    changeChildren("mac") { element in
      if let place = element.attributes.firstIndex(where: { $0.name == "address" }) {
        element.attributes[place].value = mac.description
      } else {
        element.attributes.append(XMLTree.Attribute("address", mac.description))
      }
    }
  }
}
