import Libvirt
import Testing

/// libvirt's test driver has node devices, but none on PCI, and detaches none.
struct NodeDevicesTests {
  let connection: LibvirtConnection

  init() throws { connection = try TestHost.connect() }

  @Test func theXMLOfADevice() throws {
    let xml = try connection.nodeDeviceXML("computer")
    #expect(xml.contains("<name>computer</name>"))
    #expect(xml.contains("<capability type='system'>"))
  }

  @Test func anUnknownDevice() throws {
    let error = try #require(
      Result { () throws(LibvirtError) in try connection.nodeDeviceXML("pci_0000_01_10_0") }.failure)
    #expect(error.code == .noNodeDevice)
    #expect(error.subject == "device 'pci_0000_01_10_0'")
    let calls: [(String) throws(LibvirtError) -> Void] = [
      connection.detachNodeDevice, connection.reattachNodeDevice, connection.resetNodeDevice,
    ]
    for call in calls {
      #expect(Result { () throws(LibvirtError) in try call("pci_0000_01_10_0") }.failure?.code == .noNodeDevice)
    }
  }

  @Test func whatADriverCantDoSaysWhatWasTried() throws {
    let calls: [(String, (String) throws(LibvirtError) -> Void)] = [
      ("detach", connection.detachNodeDevice), ("reattach", connection.reattachNodeDevice),
      ("reset", connection.resetNodeDevice),
    ]
    for (operation, call) in calls {
      let error = try #require(Result { () throws(LibvirtError) in try call("computer") }.failure)
      #expect(error.code == .unsupported)
      #expect(error.description.hasPrefix("cannot \(operation) device 'computer': "))
    }
  }
}
