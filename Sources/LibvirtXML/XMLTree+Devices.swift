extension XMLTree {
  /// Adds elements to the first `<devices>` of a `<domain>`. Nothing else changes.
  public mutating func add(devices: [String]) throws(XMLProblem) {
    var nodes: [Node] = []
    for xml in devices { nodes.append(.element(try XMLTree(xml: xml, limit: Self.libvirtLimit).root)) }
    guard root.child("devices") != nil else { throw XMLProblem(.refused, "<domain> has no <devices>") }
    root.edit("devices") { $0.children += nodes }
  }
}
