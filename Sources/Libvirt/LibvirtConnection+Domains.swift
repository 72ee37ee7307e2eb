import Clibvirt
import PoolModel

extension LibvirtConnection {
  /// Every domain, running or not.
  public func domains() throws(LibvirtError) -> [GuestID] {
    try call("list", "domains") { (connection) throws(LibvirtError) in
      var ids: [GuestID] = []
      try domains(on: connection, flags: 0).forEach { (pointer) throws(LibvirtError) in
        if let id = BorrowedDomain(pointer: pointer).id { ids.append(id) }
      }
      return ids
    }
  }

  /// The live XML of each running domain, without secrets; one that stops while they are read is left out.
  ///
  /// Blocks while any qemu hook waits, and so does every other call to a domain.
  public func runningDomainXMLs() throws(LibvirtError) -> [String] {
    try call("list", "domains") { (connection) throws(LibvirtError) in
      var xmls: [String] = []
      try domains(on: connection, flags: VIR_CONNECT_LIST_DOMAINS_ACTIVE.rawValue).forEach {
        (pointer) throws(LibvirtError) in
        if let xml = try BorrowedDomain(pointer: pointer).liveXML() { xmls.append(xml) }
      }
      return xmls
    }
  }

  private func domains(on connection: OpaquePointer, flags: UInt32) throws(LibvirtError) -> HandleList {
    var list: UnsafeMutablePointer<OpaquePointer?>?
    let count = virConnectListAllDomains(connection, &list, flags)
    if count < 0 { throw .last("list", "domains") }
    return HandleList(list, count: Int(count), free: virDomainFree)
  }
}
