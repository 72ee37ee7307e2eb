import PoolModel

/// Reads the network part of a netdef; vfpool's own part is in `NetdefReader+Metadata`.
///
/// Rules and their source: libvirt 9.0, `virNetworkDefParseXML`, `virNetworkForwardDefParseXML`, `networkValidate`.
struct NetdefReader {
  /// Whether anything that can't be used is an error. Else it is noted and left out.
  let strict: Bool
  private(set) var notes: [XMLProblem] = []
  var pool = Pool(name: "")
  var usesMetadata = false
  var fillsAddresses = false
  private(set) var managed = false
  var lines: [Netdef.Place: Int] = [:]

  init(strict: Bool) { self.strict = strict }

  mutating func refuse(_ line: Int?, _ message: String) throws(XMLProblem) {
    let problem = XMLProblem(.refused, line: line, message)
    if strict { throw problem }
    notes.append(problem)
  }

  mutating func read(_ root: XMLTree.Element) throws(XMLProblem) {
    guard root.name == "network", root.namespace == nil else {
      let hint = root.name == "network" ? "; remove its xmlns attribute, libvirt ignores it otherwise" : ""
      throw XMLProblem(.refused, line: root.line, "<\(root.name)> where a libvirt <network> is expected\(hint)")
    }
    pool.mode = strict ? .enforce : .observe
    for name in ["name", "uuid", "metadata", "forward", "vlan", "virtualport"] {
      if let second = root.children(name).dropFirst().first {
        try refuse(second.line, "a second <\(name)>; libvirt takes only one")
      }
    }
    try readName(root)
    try readForward(root)
    for name in ["bridge", "mac", "mtu", "ip", "dns", "domain", "bandwidth"] {
      guard let element = root.child(name) else { continue }
      try refuse(element.line, "<\(name)> is for networks with a bridge, libvirt refuses it with hostdev; remove it")
    }
    if let vlan = root.child("vlan") { pool.vlan = try readVLAN(vlan, of: "network") }
    if let virtualPort = root.child("virtualport") { try check(virtualPort) }
    try readPortgroups(root)
    try readMetadata(root)
    if strict, pool.pfs.isEmpty, pool.addresses.isEmpty {
      let line = lines[.metadata] ?? lines[.forward]
      try refuse(line, "no VFs: give <vfpool:pf dev=…/> in the metadata, or <pf dev=…/> or <address …/> in <forward>")
    }
  }

  private mutating func readName(_ root: XMLTree.Element) throws(XMLProblem) {
    guard let name = root.child("name"), !name.text.isEmpty else {
      throw XMLProblem(.refused, line: root.child("name")?.line ?? root.line, "the network has no <name>")
    }
    pool.name = name.text
    lines[.name] = name.line
    if pool.name.allSatisfy(\.isWhitespace) {
      try refuse(name.line, "the name is only white space")
    } else if pool.name.contains(where: \.isNewline) {
      try refuse(name.line, "a line break within <name>; libvirt takes none, so close the tag right behind the name")
    } else if pool.name.utf8.contains(UInt8(ascii: "/")) {
      try refuse(name.line, "name “\(pool.name)” has a “/”; libvirt takes none")
    }
    guard let uuid = root.child("uuid") else { return }
    pool.uuid = canonicalUUID(uuid.text)
    if pool.uuid == nil { try refuse(uuid.line, "“\(uuid.text)” is not a UUID; leave <uuid> out to get one") }
  }

  private mutating func readForward(_ root: XMLTree.Element) throws(XMLProblem) {
    guard let forward = root.child("forward"), forward["mode"] == "hostdev" else {
      let forward = root.child("forward")
      let found = forward.map { "mode “\($0["mode"] ?? "nat")”" } ?? "no <forward>"
      throw XMLProblem(
        .refused, line: forward?.line(of: "mode") ?? root.line,
        "\(found): a pool needs <forward mode=\"hostdev\">, by which libvirt hands out whole VFs")
    }
    lines[.forward] = forward.line
    if let word = try readWord("managed", of: forward, ["yes", "no"]) { managed = word == "yes" }
    if forward["dev"] != nil {
      try refuse(forward.line(of: "dev"), "<forward dev=…> means nothing with hostdev; name the PF in <pf dev=…/>")
    }
    if let interface = forward.child("interface") {
      try refuse(interface.line, "<interface> means nothing with hostdev; name the PF in <pf dev=…/>")
    }
    for address in forward.children("address") {
      guard address["type"] == "pci", let pci = PCIAddress(address) else {
        try refuse(
          address.line,
          "not a PCI address; write <address type=\"pci\" domain=\"0x0000\" bus=\"0x01\" slot=\"0x10\" function=\"0x0\"/>"
        )
        continue
      }
      guard lines[.address(pci)] == nil else {
        try refuse(address.line, "address \(pci) is listed twice")
        continue
      }
      pool.addresses.append(pci)
      lines[.address(pci)] = address.line
    }
    let pfs = forward.children("pf")
    if pfs.count > 1 {
      try refuse(pfs[1].line, "a second <pf>; libvirt takes one, for more use <vfpool:pf> in <metadata>")
    }
    guard let pf = pfs.first else { return }
    if !pool.addresses.isEmpty { try refuse(pf.line, "libvirt takes either <pf> or <address>, not both; remove one") }
    if let dev = try readDevice(pf) {
      pool.pfs = [PoolPF(dev: dev)]
      lines[.pf(PFSelector(dev: dev))] = pf.line
    }
  }

  private mutating func readPortgroups(_ root: XMLTree.Element) throws(XMLProblem) {
    for portgroup in root.children("portgroup") {
      guard let name = portgroup["name"], !name.isEmpty else {
        try refuse(portgroup.line, "a portgroup needs a name")
        continue
      }
      guard lines[.portgroup(name)] == nil else {
        try refuse(portgroup.line(of: "name"), "portgroup “\(name)” is given twice")
        continue
      }
      pool.portgroups.append(name)
      lines[.portgroup(name)] = portgroup.line
      if try readWord("default", of: portgroup, ["yes", "no"]) == "yes" {
        if let other = pool.defaultPortgroup {
          try refuse(portgroup.line(of: "default"), "portgroup “\(other)” is the default already; libvirt takes one")
        } else {
          pool.defaultPortgroup = name
        }
      }
      if let vlan = portgroup.child("vlan") {
        pool.portgroupVLANs[name] = try readVLAN(vlan, of: "portgroup “\(name)”")
      }
      if let virtualPort = portgroup.child("virtualport") { try check(virtualPort) }
    }
  }

  private mutating func readVLAN(_ vlan: XMLTree.Element, of owner: String) throws(XMLProblem) -> VLANTag? {
    let tags = vlan.children("tag")
    if tags.count > 1 || vlan["trunk"] == "yes" || tags.contains(where: { $0["nativeMode"] != nil }) {
      try refuse(vlan.line, "a VLAN trunk on the \(owner) fails at a guest's start with hostdev; use one tag")
      return nil
    }
    guard let tag = tags.first else {
      try refuse(vlan.line, "<vlan> on the \(owner) has no tag; write <tag id=\"42\"/>")
      return nil
    }
    guard let found = VLANTag(vlan) else {
      try refuse(tag.line(of: "id"), "VLAN id “\(tag["id"] ?? "")”; allowed: 1 to 4094")
      return nil
    }
    return found
  }

  private mutating func check(_ virtualPort: XMLTree.Element) throws(XMLProblem) {
    guard virtualPort["type"] == "802.1Qbg" else { return }
    try refuse(
      virtualPort.line(of: "type"), "virtualport 802.1Qbg does not work with hostdev, libvirt refuses it; use 802.1Qbh")
  }

  /// The `dev` attribute, checked as the kernel does it (`dev_valid_name` in net/core/dev.c); nil when it was noted.
  mutating func readDevice(_ element: XMLTree.Element) throws(XMLProblem) -> String? {
    guard let dev = element["dev"] else {
      try refuse(element.line, "<\(element.name)> needs dev=, the PF's network interface")
      return nil
    }
    guard (1...15).contains(dev.utf8.count), dev != ".", dev != "..",
      dev.unicodeScalars.allSatisfy({ $0 != "/" && $0 != ":" && !$0.properties.isWhitespace })
    else {
      try refuse(element.line(of: "dev"), "“\(dev)” can't be a network interface's name")
      return nil
    }
    return dev
  }

  /// An attribute that is one of `words`; nil when it is absent, or was noted.
  mutating func readWord(_ name: String, of element: XMLTree.Element, _ words: [String]) throws(XMLProblem) -> String? {
    guard let word = element[name] else { return nil }
    if words.contains(word) { return word }
    try refuse(
      element.line(of: name), "unknown \(name) “\(word)”; allowed: \(words.joined(separator: ", "))")
    return nil
  }
}
