import Clibvirt

/// One reference to a network of libvirt's; given back when the value ends.
struct NetworkHandle: ~Copyable {
  let pointer: OpaquePointer
  /// How errors name it: `network 'tenant-a'`.
  let subject: String

  /// Takes over a reference.
  init(owning pointer: OpaquePointer) {
    self.pointer = pointer
    subject = "network '\(virNetworkGetName(pointer).map { String(cString: $0) } ?? "")'"
  }

  init(named name: String, on connection: OpaquePointer) throws(LibvirtError) {
    guard let pointer = virNetworkLookupByName(connection, name) else {
      throw .last("find", "network '\(name)'")
    }
    self.init(owning: pointer)
  }

  init(defining xml: String, on connection: OpaquePointer) throws(LibvirtError) {
    guard let pointer = virNetworkDefineXML(connection, xml) else { throw .last("define", "network") }
    self.init(owning: pointer)
  }

  deinit { virNetworkFree(pointer) }

  borrowing func uuid() throws(LibvirtError) -> String {
    try readUUID("read the UUID of", subject) { virNetworkGetUUIDString(pointer, $0) }
  }

  /// The live XML of an active network, else the inactive one.
  borrowing func xml() throws(LibvirtError) -> String {
    try takeString(virNetworkGetXMLDesc(pointer, 0), "read the XML of", subject)
  }

  borrowing func inactiveXML() throws(LibvirtError) -> String {
    do throws(LibvirtError) {
      let flags = VIR_NETWORK_XML_INACTIVE.rawValue
      return try takeString(virNetworkGetXMLDesc(pointer, flags), "read the inactive XML of", subject)
    } catch  where error.rawCode == Int32(VIR_ERR_INVALID_ARG.rawValue) {
      // libvirt's test driver has one definition for both and refuses the flag.
      return try xml()
    }
  }

  borrowing func record() throws(LibvirtError) -> NetworkRecord {
    let active = try truth(virNetworkIsActive(pointer), "read the state of", subject)
    let persistent = try truth(virNetworkIsPersistent(pointer), "read the state of", subject)
    var autostart: Int32 = 0
    if persistent { try check(virNetworkGetAutostart(pointer, &autostart), "read the autostart flag of", subject) }
    return NetworkRecord(
      name: virNetworkGetName(pointer).map { String(cString: $0) } ?? "", uuid: try uuid(), active: active,
      autostart: autostart != 0, persistent: persistent, liveXML: active ? try xml() : nil,
      inactiveXML: persistent ? try inactiveXML() : nil)
  }

  borrowing func setAutostart(_ on: Bool) throws(LibvirtError) {
    try check(virNetworkSetAutostart(pointer, on ? 1 : 0), "set the autostart flag of", subject)
  }

  borrowing func start() throws(LibvirtError) { try check(virNetworkCreate(pointer), "start", subject) }
  borrowing func stop() throws(LibvirtError) { try check(virNetworkDestroy(pointer), "stop", subject) }
  borrowing func undefine() throws(LibvirtError) { try check(virNetworkUndefine(pointer), "undefine", subject) }

  /// Adds a portgroup that nobody uses to the live network and takes it away again.
  borrowing func touch() throws(LibvirtError) {
    let portgroup = "<portgroup name='vfpool-touch'/>"
    for command in [VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, VIR_NETWORK_UPDATE_COMMAND_DELETE] {
      try check(
        virNetworkUpdate(
          pointer, command.rawValue, VIR_NETWORK_SECTION_PORTGROUP.rawValue, -1, portgroup,
          VIR_NETWORK_UPDATE_AFFECT_LIVE.rawValue), "update", subject)
    }
  }

  borrowing func portXMLs() throws(LibvirtError) -> [String] {
    var list: UnsafeMutablePointer<OpaquePointer?>?
    let count = virNetworkListAllPorts(pointer, &list, 0)
    if count < 0 { throw .last("list the ports of", subject) }
    let ports = HandleList(list, count: Int(count), free: virNetworkPortFree)
    var xmls: [String] = []
    try ports.forEach { (port) throws(LibvirtError) in
      do throws(LibvirtError) {
        xmls.append(try takeString(virNetworkPortGetXMLDesc(port, 0), "read a port of", subject))
      } catch  where error.code == .noNetworkPort {}
    }
    return xmls
  }

  borrowing func createPort(xml: String, reclaim: Bool) throws(LibvirtError) -> String {
    let flags = reclaim ? VIR_NETWORK_PORT_CREATE_RECLAIM.rawValue : 0
    guard let port = virNetworkPortCreateXML(pointer, xml, flags) else { throw .last("create a port of", subject) }
    defer { virNetworkPortFree(port) }
    return try readUUID("read the UUID of a port of", subject) { virNetworkPortGetUUIDString(port, $0) }
  }

  borrowing func deletePort(uuid: String) throws(LibvirtError) {
    let name = "port \(uuid) of \(subject)"
    guard let port = virNetworkPortLookupByUUIDString(pointer, uuid) else { throw .last("find", name) }
    defer { virNetworkPortFree(port) }
    try check(virNetworkPortDelete(port, 0), "delete", name)
  }
}
