extension XMLTree {
  /// Adds elements to the `<devices>` of a `<domain>`. Nothing else changes.
  public mutating func add(devices: [String]) throws(XMLProblem) {
    var nodes: [Node] = []
    for xml in devices { nodes.append(.element(try XMLTree(xml: xml, limit: Self.libvirtLimit).root)) }
    root.changeChildren("devices") { $0.children += nodes }
  }
}
