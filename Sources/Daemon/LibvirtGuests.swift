import Libvirt
import LibvirtXML
import PoolFlows
import PoolModel

/// libvirt's domains, for the flows.
struct LibvirtGuests: Guests {
  let link: LibvirtLink

  func running() async throws -> [GuestDescription] {
    let xmls = try await link.guests.call { connection in try connection.runningDomainXMLs() }
    return try xmls.map { xml in
      // A guest that were left out would look as if it had stopped, and its VFs as if they were free.
      do { return try GuestDescription(xml: xml) } catch {
        throw FlowError(.failed, "cannot read a running guest: \(error)")
      }
    }
  }

  func definition(of guest: String) async throws -> GuestDescription? {
    guard let xml = try await link.guests.call({ connection in try connection.inactiveDomainXML(guest) }) else {
      return nil
    }
    do { return try GuestDescription(xml: xml) } catch {
      throw FlowError(.failed, "cannot read the definition of guest \(guest): \(error)")
    }
  }

  func defined() async throws -> [GuestID] {
    try await link.guests.call { connection in try connection.persistentDomains() }
  }

  func setMACs(
    ofGuest uuid: String, _ macs: @escaping @Sendable (GuestDescription) -> [Int: MACAddress]
  ) async throws -> Bool {
    try await redefine(uuid) { xml, tree in
      let wanted = macs(try GuestDescription(xml: xml))
      tree.setMACs(wanted)
      return !wanted.isEmpty
    }
  }

  func addToDefinition(
    ofGuest uuid: String, _ devices: @escaping @Sendable (GuestDocument) throws -> [String]
  ) async throws -> Bool {
    try await redefine(uuid) { xml, tree in
      try tree.add(devices: try devices(try GuestDocument(xml: xml)))
      return true
    }
  }

  /// Changes a definition; `change` says whether there is anything to be written. False: it isn't there.
  private func redefine(
    _ uuid: String, _ change: @escaping @Sendable (String, inout XMLTree) throws -> Bool
  ) async throws -> Bool {
    // In one go on the line, so that as little as can be comes between reading and writing.
    try await link.guests.call { connection in
      guard let xml = try connection.definitionXML(uuid) else { return false }
      var tree: XMLTree
      do {
        tree = try XMLTree(xml: xml, limit: XMLTree.libvirtLimit)
        guard try change(xml, &tree) else { return true }
      } catch let error as XMLProblem {
        throw FlowError(.failed, "cannot read the definition of guest \(uuid): \(error)")
      }
      try connection.defineDomain(xml: tree.xml)
      return true
    }
  }

  func all() async throws -> [GuestState] {
    try await link.guests.call { connection in try connection.domainRecords() }.map { try GuestState($0) }
  }

  func guest(_ name: String) async throws -> GuestState? {
    try await link.guests.call { connection in try connection.domainRecord(name) }.map { try GuestState($0) }
  }

  func attach(_ device: String, to guest: String, _ scope: GuestScope) async throws {
    try await link.guests.call { connection in try connection.attachDevice(xml: device, domain: guest, scope) }
  }

  func detach(_ device: String, from guest: String, _ scope: GuestScope) async throws {
    try await link.guests.call { connection in try connection.detachDevice(xml: device, domain: guest, scope) }
  }
}

extension GuestState {
  fileprivate init(_ record: DomainRecord) throws(FlowError) {
    do throws(XMLProblem) {
      self.init(
        guest: record.id, live: try record.liveXML.map { (xml) throws(XMLProblem) in try GuestDocument(xml: xml) },
        inactive: try record.inactiveXML.map { (xml) throws(XMLProblem) in try GuestDocument(xml: xml) })
    } catch {
      throw FlowError(.failed, "cannot read the XML of guest \(record.id.name): \(error)")
    }
  }
}
