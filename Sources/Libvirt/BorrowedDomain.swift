import Clibvirt
import PoolModel

/// What is read from a domain pointer, which stays its lender's.
struct BorrowedDomain {
  let pointer: OpaquePointer
  /// How errors name it. Made beforehand: to ask for the name would take a failed call's error away.
  private let subject: String

  init(pointer: OpaquePointer) {
    self.pointer = pointer
    subject = "domain '\(virDomainGetName(pointer).map { String(cString: $0) } ?? "")'"
  }

  /// Needs no libvirtd: name and UUID are part of the handle.
  var id: GuestID? {
    guard let name = virDomainGetName(pointer) else { return nil }
    let uuid = try? readUUID("read the UUID of", "domain") { virDomainGetUUIDString(pointer, $0) }
    return uuid.map { GuestID(name: String(cString: name), uuid: $0) }
  }

  func inactiveXML(secrets: Bool = false) throws(LibvirtError) -> String {
    let flags = VIR_DOMAIN_XML_INACTIVE.rawValue | (secrets ? VIR_DOMAIN_XML_SECURE.rawValue : 0)
    return try takeString(virDomainGetXMLDesc(pointer, flags), "read the XML of", subject)
  }

  func isPersistent() throws(LibvirtError) -> Bool {
    try truth(virDomainIsPersistent(pointer), "read the state of", subject)
  }

  /// Nil when the domain doesn't run any more.
  func liveXML() throws(LibvirtError) -> String? {
    do throws(LibvirtError) {
      let xml = try takeString(virDomainGetXMLDesc(pointer, 0), "read the XML of", subject)
      // A persistent domain that has stopped since gives its inactive XML instead of an error.
      return try truth(virDomainIsActive(pointer), "read the state of", subject) ? xml : nil
    } catch  where error.code == .noDomain {
      return nil
    }
  }

  /// Nil when its id can't be read.
  func record() throws(LibvirtError) -> DomainRecord? {
    guard let id else { return nil }
    let hasDefinition = try isPersistent()
    return DomainRecord(id: id, liveXML: try liveXML(), inactiveXML: hasDefinition ? try inactiveXML() : nil)
  }
}
