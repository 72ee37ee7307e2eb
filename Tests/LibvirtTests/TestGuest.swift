import Clibvirt
import Foundation
import Libvirt
import PoolModel
import Testing

/// A guest of the test driver's, moved through its life by plain libvirt calls.
final class TestGuest {
  let id: GuestID
  private let connection: OpaquePointer
  private let domain: OpaquePointer

  /// Tests run side by side on one driver, so each has a name of its own.
  init(_ name: String) throws {
    LibvirtEventLoop.start()
    id = GuestID(name: name, uuid: UUID().uuidString.lowercased())
    connection = try #require(virConnectOpen(TestHost.uri) as OpaquePointer?)
    let xml = """
      <domain type='test'><name>\(name)</name><uuid>\(id.uuid)</uuid>
        <memory>1024</memory><os><type>hvm</type></os></domain>
      """
    domain = try #require(virDomainDefineXML(connection, xml) as OpaquePointer?)
  }

  func start() { #expect(virDomainCreate(domain) == 0) }
  func destroy() { #expect(virDomainDestroy(domain) == 0) }
  func undefine() { #expect(virDomainUndefine(domain) == 0) }

  deinit {
    virDomainFree(domain)
    virConnectClose(connection)
  }
}
