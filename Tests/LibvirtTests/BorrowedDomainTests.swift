import Clibvirt
import Testing

@testable import Libvirt

struct BorrowedDomainTests {
  /// libvirt keeps a failed call's error only until the next call.
  @Test func aDomainThatIsGoneIsToldAsThat() throws {
    LibvirtEventLoop.start()
    let connection = try #require(virConnectOpen(TestHost.uri) as OpaquePointer?)
    defer { virConnectClose(connection) }
    let guest = try TestGuest("vanishing")
    let pointer = try #require(virDomainLookupByName(connection, "vanishing") as OpaquePointer?)
    defer { virDomainFree(pointer) }
    let domain = BorrowedDomain(pointer: pointer)
    #expect(try domain.isPersistent())
    guest.undefine()
    for read in ["persistence", "definition", "record"] {
      let error = #expect(throws: LibvirtError.self) {
        switch read {
        case "persistence": _ = try domain.isPersistent()
        case "definition": _ = try domain.inactiveXML()
        default: _ = try domain.record()
        }
      }
      #expect(error?.code == .noDomain && error?.subject == "domain 'vanishing'", "\(error?.description ?? read)")
    }
    #expect(try domain.liveXML() == nil)
  }
}
