import PoolModel

extension NetdefReader {
  /// Reads vfpool's element. What stands there under a foreign namespace is someone else's and stays.
  mutating func readMetadata(_ root: XMLTree.Element) throws(XMLProblem) {
    try refuseStrays(in: root)
    guard let metadata = root.child("metadata") else { return }
    let ours = metadata.elements.filter { $0.namespace == Netdef.metadataNamespace }
    for element in metadata.elements where element.namespace?.hasPrefix("urn:vfpool:") == true {
      if element.namespace != Netdef.metadataNamespace {
        try refuse(
          element.line,
          "unknown namespace “\(element.namespace ?? "")”; this vfpool knows \(Netdef.metadataNamespace)")
      } else if element.localName != "pool" {
        try refuse(element.line, "unknown element <\(element.name)> in <metadata>; allowed: pool")
      }
    }
    let pools = ours.filter { $0.localName == "pool" }
    if pools.count > 1 { try refuse(pools[1].line, "a second <\(pools[1].name)>; libvirt keeps only the first") }
    guard let element = pools.first else { return }
    usesMetadata = true
    lines[.metadata] = element.line
    try readPool(element, forward: root.child("forward"))
  }

  /// vfpool's elements outside `<metadata>`, where libvirt drops them without a word.
  private mutating func refuseStrays(in root: XMLTree.Element) throws(XMLProblem) {
    for child in root.elements where child.name != "metadata" {
      if child.namespace?.hasPrefix("urn:vfpool:") == true {
        try refuse(child.line, "<\(child.name)> belongs into <metadata>; libvirt drops it here")
      }
      try refuseStrays(in: child)
    }
  }

  private mutating func readPool(_ element: XMLTree.Element, forward: XMLTree.Element?) throws(XMLProblem) {
    try checkNames(
      of: element, attributes: ["whenDown", "macConflict", "enforce", "mac"],
      children: ["pf", "placement", "reserve", "vf"])
    pool.whenDown = try readWord("whenDown", of: element) ?? pool.whenDown
    pool.macConflict = try readWord("macConflict", of: element) ?? pool.macConflict
    pool.mac = try readWord("mac", of: element) ?? pool.mac
    pool.enforcesOutsideChanges = try readWord("enforce", of: element, ["yes", "no"]) == "yes"

    let parts = { (name: String) in
      element.elements.filter { $0.namespace == Netdef.metadataNamespace && $0.localName == name }
    }
    let pfs = parts("pf")
    if !pfs.isEmpty, let plain = forward?.child("pf") {
      try refuse(
        plain.line,
        "libvirt takes either <pf> or the <address> list that vfpool fills from <\(pfs[0].name)>; remove this <pf>")
    }
    if !pfs.isEmpty {
      fillsAddresses = true
      for pf in pool.pfs { lines[.pf(pf.selector)] = nil }
      pool.pfs = []
    }
    for pf in pfs { try readPF(pf) }
    let placements = parts("placement")
    if placements.count > 1 { try refuse(placements[1].line, "a second <\(placements[1].name)>; one is enough") }
    if let placement = placements.first { try readPlacement(placement) }
    for reservation in parts("reserve") { try readReservation(reservation) }
    for policy in parts("vf") { try readPolicy(policy) }
    try checkPolicies()
  }

  private mutating func readPF(_ element: XMLTree.Element) throws(XMLProblem) {
    try checkNames(of: element, attributes: ["dev", "pci", "mac", "match", "driver", "vfs", "range"])
    guard let selector = try readSelector(element) else { return }
    guard lines[.pf(selector)] == nil else {
      return try refuse(element.line, "PF \(selector) is given twice; a pool takes one range of a PF")
    }
    var pf = PoolPF(selector)
    // 65535 is the width of TotalVFs in the SR-IOV capability.
    pf.vfs = try readNumber("vfs", of: element, 1...65535, "how many VFs the PF shall have").map { Int($0) }
    if let text = element["range"] {
      let line = element.line(of: "range")
      let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16(decimal: $0) }
      if ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last {
        pf.range = Int(first)...Int(last)
      } else {
        try refuse(line, "range “\(text)”; allowed: one index (2) or the first and the last one (0-3)")
      }
      if let vfs = pf.vfs, let range = pf.range, range.upperBound >= vfs {
        try refuse(line, "range \(text) goes beyond vfs=\"\(vfs)\": the last VF of \(selector) is \(vfs - 1)")
        pf.range = range.lowerBound < vfs ? range.lowerBound...(vfs - 1) : nil
      }
    }
    lines[.pf(selector)] = element.line
    pool.pfs.append(pf)
  }

  /// By what a PF is found; nil when it was noted.
  private mutating func readSelector(_ element: XMLTree.Element) throws(XMLProblem) -> PFSelector? {
    let found = ["pci", "mac", "match", "driver"].filter { element[$0] != nil }
    guard element["dev"] != nil || !found.isEmpty else {
      try refuse(
        element.line,
        "<\(element.name)> needs dev=, the PF's network interface, or by what else it is found: pci=, mac=, match=, driver="
      )
      return nil
    }
    var selector = PFSelector()
    if element["dev"] != nil {
      guard let dev = try readDevice(element) else { return nil }
      selector.dev = dev
    }
    selector.pci = try readCoded("pci", of: element)
    selector.mac = try readCoded("mac", of: element)
    selector.match = try readCoded("match", of: element)
    if let mac = selector.mac, mac.isMulticast || mac.isZero {
      try refuse(element.line(of: "mac"), "\(mac) is no card's own MAC")
      return nil
    }
    if let driver = element["driver"] {
      guard !driver.isEmpty, !driver.contains(where: { $0.isWhitespace || $0 == "/" }) else {
        try refuse(element.line(of: "driver"), "driver “\(driver)” is no name of a kernel driver, as igb is one")
        return nil
      }
      selector.driver = driver
    }
    // One that couldn't be read must not widen what is meant.
    let isWhole =
      (element["pci"] == nil) == (selector.pci == nil) && (element["mac"] == nil) == (selector.mac == nil)
      && (element["match"] == nil) == (selector.match == nil)
    return isWhole ? selector : nil
  }

  /// An attribute that is a value of its own; nil when it is absent, or was noted.
  private mutating func readCoded<Value: TextCoded>(
    _ name: String, of element: XMLTree.Element
  ) throws(XMLProblem) -> Value? {
    guard let text = element[name] else { return nil }
    if let value = Value(text) { return value }
    try refuse(element.line(of: name), "\(name) “\(text)” is not \(Value.shape)")
    return nil
  }

  private mutating func readPlacement(_ element: XMLTree.Element) throws(XMLProblem) {
    try checkNames(of: element, attributes: ["policy", "numa", "sticky", "quota"])
    pool.placement.policy = try readWord("policy", of: element) ?? pool.placement.policy
    pool.placement.numa = try readWord("numa", of: element) ?? pool.placement.numa
    pool.placement.sticky = try readWord("sticky", of: element, ["yes", "no"]) == "yes"
    pool.placement.quota = try readNumber("quota", of: element, 1...65535, "VFs of this pool that one guest may have")
      .map { Int($0) }
  }

  private mutating func readReservation(_ element: XMLTree.Element) throws(XMLProblem) {
    try checkNames(of: element, attributes: ["guest", "vf"])
    guard let guest = element["guest"], !guest.allSatisfy(\.isWhitespace) else {
      return try refuse(element.line(of: "guest"), "<\(element.name)> needs guest=, a guest's name or UUID")
    }
    guard let vf = element["vf"].flatMap({ VFName($0) }) else {
      return try refuse(
        element.line(of: "vf"),
        "<\(element.name)> for guest \(guest) needs vf=, \(VFName.shape)"
          + (element["vf"].map { ", not “\($0)”" } ?? ""))
    }
    if let other = pool.reservations.first(where: { $0.vf == vf }) {
      return try refuse(
        element.line, "VF \(vf) is reserved twice, for \(other.guest) and for \(guest); keep one of them")
    }
    lines[.reservation(vf)] = element.line
    pool.reservations.append(Reservation(guest: canonicalUUID(guest) ?? guest, vf: vf))
  }

  private mutating func readPolicy(_ element: XMLTree.Element) throws(XMLProblem) {
    let rates: ClosedRange<UInt32> = 0...UInt32.max
    try checkNames(
      of: element,
      attributes: [
        "portgroup", "trust", "spoofchk", "linkState", "minTxRate", "maxTxRate", "qos", "vlanProto",
      ])
    var policy = VFPolicy()
    policy.trust = try readWord("trust", of: element, ["on", "off"]).map { $0 == "on" }
    policy.spoofchk = try readWord("spoofchk", of: element, ["on", "off"]).map { $0 == "on" }
    policy.linkState = try readWord("linkState", of: element)
    policy.minTxRate = try readNumber("minTxRate", of: element, rates, "Mbit/s, 0 for no guarantee")
    policy.maxTxRate = try readNumber("maxTxRate", of: element, rates, "Mbit/s, 0 for no limit")
    policy.qos = try readNumber("qos", of: element, 0...7, "the VLAN's priority").map { UInt8($0) }
    policy.vlanProto = try readWord("vlanProto", of: element)

    let portgroup = element["portgroup"]
    if lines[.policy(portgroup: portgroup)] != nil {
      let owner = portgroup.map { "portgroup “\($0)”" } ?? "all NICs"
      return try refuse(element.line, "a second <\(element.name)> for \(owner); merge the two")
    }
    lines[.policy(portgroup: portgroup)] = element.line
    guard let portgroup else { return pool.policy = policy }
    guard pool.portgroups.contains(portgroup) else {
      let known = pool.portgroups.isEmpty ? "the network has none" : "known: \(pool.portgroups.joined(separator: ", "))"
      return try refuse(element.line(of: "portgroup"), "no portgroup “\(portgroup)”; \(known)")
    }
    pool.portgroupPolicies[portgroup] = policy
  }

  /// What only shows once all policies are known, because a portgroup's is laid over the one for all.
  private mutating func checkPolicies() throws(XMLProblem) {
    let owners: [(portgroup: String?, own: VFPolicy)] =
      [(nil, pool.policy)] + pool.portgroups.compactMap { name in pool.portgroupPolicies[name].map { (name, $0) } }
    for (portgroup, own) in owners {
      let line = lines[.policy(portgroup: portgroup)]
      let policy = portgroup == nil ? own : own.over(pool.policy)
      if let least = policy.minTxRate, let most = policy.maxTxRate, most != 0, least > most {
        try refuse(line, "minTxRate \(least) is more than maxTxRate \(most)")
      }
      let hasVLAN =
        portgroup == nil ? pool.vlan != nil || !pool.portgroupVLANs.isEmpty : pool.vlan(portgroup: portgroup) != nil
      if !hasVLAN, own.qos != nil || own.vlanProto != nil {
        let owner = portgroup.map { "portgroup “\($0)”" } ?? "the network"
        try refuse(
          line, "\(own.qos != nil ? "qos" : "vlanProto") without a VLAN; give \(owner) a <vlan><tag id=…/></vlan>")
      }
    }
  }

  /// Refuses what vfpool doesn't know under its own name, so that a slip of the pen is not a policy that never applies.
  private mutating func checkNames(
    of element: XMLTree.Element, attributes: [String], children: [String] = []
  ) throws(XMLProblem) {
    for attribute in element.attributes where !attribute.name.contains(":") && attribute.name != "xmlns" {
      if !attributes.contains(attribute.name) {
        try refuse(
          attribute.line,
          "unknown attribute \(attribute.name) of <\(element.name)>; allowed: \(attributes.joined(separator: ", "))")
      }
    }
    let allowed = children.isEmpty ? "none" : children.joined(separator: ", ")
    for child in element.elements {
      if child.namespace == nil {
        try refuse(child.line, "<\(child.name)> within <\(element.name)> lacks vfpool's prefix; allowed: \(allowed)")
      } else if child.namespace == Netdef.metadataNamespace, !children.contains(child.localName) {
        try refuse(child.line, "unknown element <\(child.name)> within <\(element.name)>; allowed: \(allowed)")
      }
    }
    let text = element.children.contains { child in
      switch child {
      case .text(let text), .cdata(let text): !text.allSatisfy(\.isWhitespace)
      default: false
      }
    }
    if text { try refuse(element.line, "text within <\(element.name)>; it takes only attributes and elements") }
  }

  private mutating func readWord<Word: RawRepresentable<String> & CaseIterable>(
    _ name: String, of element: XMLTree.Element
  ) throws(XMLProblem) -> Word? {
    try readWord(name, of: element, Word.allCases.map(\.rawValue)).flatMap(Word.init)
  }

  private mutating func readNumber(
    _ name: String, of element: XMLTree.Element, _ range: ClosedRange<UInt32>, _ meaning: String
  ) throws(XMLProblem) -> UInt32? {
    guard let text = element[name] else { return nil }
    if let number = UInt32(decimal: text), range.contains(number) { return number }
    try refuse(
      element.line(of: name), "\(name) “\(text)”; allowed: \(range.lowerBound) to \(range.upperBound), \(meaning)")
    return nil
  }
}
