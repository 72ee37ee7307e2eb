extension XMLTree {
  /// Adds elements to the first `<devices>` of a `<domain>`. Nothing else changes.
  public mutating func add(devices: [String]) throws(XMLProblem) {
    var nodes: [Node] = []
    for xml in devices { nodes.append(.element(try XMLTree(xml: xml, limit: Self.libvirtLimit).root)) }
    var isDone = false
    root.changeChildren("devices") { element in
      if !isDone { element.children += nodes }
      isDone = true
    }
    if !isDone { throw XMLProblem(.refused, "<domain> has no <devices>") }
  }
}
