import Clibvirt
import PoolModel

extension LibvirtConnection {
  /// Every domain, running or not.
  public func domains() throws(LibvirtError) -> [GuestID] { try ids(ofDomains: 0) }

  /// Every domain that has a definition, running or not.
  public func persistentDomains() throws(LibvirtError) -> [GuestID] {
    try ids(ofDomains: VIR_CONNECT_LIST_DOMAINS_PERSISTENT.rawValue)
  }

  private func ids(ofDomains flags: UInt32) throws(LibvirtError) -> [GuestID] {
    try call("list", "domains") { (connection) throws(LibvirtError) in
      var ids: [GuestID] = []
      try domains(on: connection, flags: flags).forEach { (pointer) throws(LibvirtError) in
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

  /// The XML that a domain's next start will use, by name or UUID, without secrets; nil when there is no such domain.
  ///
  /// Blocks as `runningDomainXMLs` does.
  public func inactiveDomainXML(_ domain: String) throws(LibvirtError) -> String? {
    try withDomain(domain, "find") { (found) throws(LibvirtError) in try found.inactiveXML() }
  }

  /// The same with its secrets, so that it can be defined again; nil also for a domain that is gone when it stops.
  public func definitionXML(_ domain: String) throws(LibvirtError) -> String? {
    try withDomain(domain, "find") { (found) throws(LibvirtError) in
      try found.isPersistent() ? try found.inactiveXML(secrets: true) : nil
    } ?? nil
  }

  /// Defines a domain, or changes the definition of the one with the same name and UUID (`virsh define`); a running one
  /// goes on as it is.
  public func defineDomain(xml: String) throws(LibvirtError) {
    try call("define", "domain") { (connection) throws(LibvirtError) in
      guard let pointer = virDomainDefineXML(connection, xml) else { throw .last("define", "domain") }
      virDomainFree(pointer)
    }
  }

  /// Every domain with its XML, running or not; one that goes while they are read is left out.
  ///
  /// Blocks as `runningDomainXMLs` does.
  public func domainRecords() throws(LibvirtError) -> [DomainRecord] {
    try call("list", "domains") { (connection) throws(LibvirtError) in
      var records: [DomainRecord] = []
      try domains(on: connection, flags: 0).forEach { (pointer) throws(LibvirtError) in
        do throws(LibvirtError) {
          if let record = try BorrowedDomain(pointer: pointer).record() { records.append(record) }
        } catch  where error.code == .noDomain {}
      }
      return records
    }
  }

  /// One of them, by name or UUID; nil when there is no such domain.
  public func domainRecord(_ domain: String) throws(LibvirtError) -> DomainRecord? {
    try withDomain(domain, "find") { (found) throws(LibvirtError) in try found.record() } ?? nil
  }

  /// Plugs a device into a domain (`virsh attach-device`); returns when it is in, or in the definition.
  ///
  /// - Parameters:
  ///   - xml: one element of a domain's `<devices>`.
  ///   - domain: its name or UUID.
  ///   - scope: into what of it.
  /// - Throws: also `noDomain`, and `operationInvalid` for `live` when it doesn't run.
  public func attachDevice(xml: String, domain: String, _ scope: GuestScope) throws(LibvirtError) {
    try changeDevice(domain, "attach a device to") { virDomainAttachDeviceFlags($0, xml, scope.flags) }
  }

  /// Takes a device out of a domain (`virsh detach-device`), given by an element that names it beyond doubt.
  ///
  /// From a definition it is gone then. A running guest is only asked: libvirt waits for a few seconds and returns in
  /// either case; `deviceRemoved` or `deviceRemovalFailed` tells what came of it, or nothing when the guest ignores it.
  public func detachDevice(xml: String, domain: String, _ scope: GuestScope) throws(LibvirtError) {
    try changeDevice(domain, "detach a device from") { virDomainDetachDeviceFlags($0, xml, scope.flags) }
  }

  private func changeDevice(
    _ domain: String, _ operation: String, _ change: (OpaquePointer) -> Int32
  ) throws(LibvirtError) {
    let subject = "domain '\(domain)'"
    let found: Void? = try withDomain(domain, operation) { (found) throws(LibvirtError) in
      try check(change(found.pointer), operation, subject)
    }
    if found == nil {
      throw LibvirtError(code: .noDomain, operation: operation, subject: subject, text: "no such domain")
    }
  }

  /// Runs `body` with a domain given by name or UUID; nil when there is none.
  private func withDomain<Result>(
    _ domain: String, _ operation: String, _ body: (BorrowedDomain) throws(LibvirtError) -> Result
  ) throws(LibvirtError) -> Result? {
    let subject = "domain '\(domain)'"
    return try call(operation, subject) { (connection) throws(LibvirtError) in
      guard let pointer = virDomainLookupByName(connection, domain) ?? virDomainLookupByUUIDString(connection, domain)
      else {
        let error = LibvirtError.last("find", subject)
        // A text that is no UUID is an invalid argument to the second call.
        if error.code == .noDomain || error.rawCode == Int32(VIR_ERR_INVALID_ARG.rawValue) { return nil }
        throw error
      }
      defer { virDomainFree(pointer) }
      return try body(BorrowedDomain(pointer: pointer))
    }
  }

  private func domains(on connection: OpaquePointer, flags: UInt32) throws(LibvirtError) -> HandleList {
    var list: UnsafeMutablePointer<OpaquePointer?>?
    let count = virConnectListAllDomains(connection, &list, flags)
    if count < 0 { throw .last("list", "domains") }
    return HandleList(list, count: Int(count), free: virDomainFree)
  }
}

extension GuestScope {
  fileprivate var flags: UInt32 {
    (contains(.live) ? VIR_DOMAIN_AFFECT_LIVE.rawValue : 0)
      | (contains(.config) ? VIR_DOMAIN_AFFECT_CONFIG.rawValue : 0)
  }
}
