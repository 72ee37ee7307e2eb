import PoolModel

extension Netdef {
  /// The netdef as it is to be defined in libvirt; what isn't named here stays as it was written.
  ///
  /// - Parameters:
  ///   - uuid: keeps the identity of a network that is defined again; nil = as written, or libvirt makes one.
  ///   - addresses: exactly these, in this order, become the list in `<forward>`; libvirt's own `<pf>` goes, because
  ///     libvirt refuses the two together. Nil = as written.
  /// - Returns: a whole document, without an XML declaration.
  public func xml(uuid: String? = nil, addresses: [PCIAddress]? = nil) -> String {
    var tree = tree
    if let uuid { tree.root.setUUID(uuid) }
    if let addresses { tree.root.edit("forward") { $0.setAddresses(addresses) } }
    return tree.xml
  }
}

extension XMLTree.Element {
  fileprivate mutating func setUUID(_ uuid: String) {
    if child("uuid") != nil {
      edit("uuid") { $0.children = [.text(uuid)] }
    } else if let name = children.firstIndex(where: { $0.isElement("name") }) {
      let indent = name > 0 ? [children[name - 1]].filter(\.isSpace) : []
      let element = XMLTree.Element("uuid", children: [.text(uuid)])
      children.insert(contentsOf: indent + [.element(element)], at: name + 1)
    }
  }

  /// Lists `addresses` where the old list began, or at the end.
  fileprivate mutating func setAddresses(_ addresses: [PCIAddress]) {
    let isOld = { (node: XMLTree.Node) in node.isElement("address") || node.isElement("pf") }
    let firstElement = children.firstIndex { if case .element = $0 { true } else { false } }
    let indent = firstElement.flatMap { $0 > 0 && children[$0 - 1].isSpace ? children[$0 - 1] : nil }
    var place: Int?
    while let old = children.firstIndex(where: isOld) {
      let start = old > 0 && children[old - 1].isSpace ? old - 1 : old
      children.removeSubrange(start...old)
      if place == nil { place = start }
    }
    let trailing = children.last.map(\.isSpace) == true ? 1 : 0
    let added = addresses.flatMap { address -> [XMLTree.Node] in
      let element = XMLTree.Element("address", attributes: [.init("type", "pci")] + address.attributes)
      return (indent.map { [$0] } ?? [.text("\n    ")]) + [.element(element)]
    }
    let wasEmpty = children.isEmpty
    children.insert(contentsOf: added, at: place ?? children.count - trailing)
    if wasEmpty, indent == nil, !added.isEmpty { children.append(.text("\n  ")) }
  }

  /// Changes the first child of this name and of no namespace.
  mutating func edit(_ name: String, _ change: (inout XMLTree.Element) -> Void) {
    guard let place = children.firstIndex(where: { $0.isElement(name) }), case .element(var element) = children[place]
    else { return }
    change(&element)
    children[place] = .element(element)
  }
}

extension XMLTree.Node {
  fileprivate func isElement(_ name: String) -> Bool {
    if case .element(let element) = self { element.name == name && element.namespace == nil } else { false }
  }

  fileprivate var isSpace: Bool { if case .text(let text) = self { text.allSatisfy(\.isWhitespace) } else { false } }
}
