import Libvirt
import Testing

/// The test driver has no ports: what is tested is that this is told, and that a missing network comes first.
struct PortsTests {
  let connection: LibvirtConnection

  init() throws { connection = try TestHost.connect() }

  @Test(arguments: [("default", LibvirtError.Code.unsupported), ("no-such", .noNetwork)])
  func errors(network: String, code: LibvirtError.Code) throws {
    let uuid = "0b1c2d3e-4f50-4172-8394-a5b6c7d8e9f0"
    let listed = Result { () throws(LibvirtError) in try connection.portXMLs(ofNetwork: network) }.failure
    let created = Result { () throws(LibvirtError) in
      try connection.createPort(xml: "<networkport/>", network: network, reclaim: true)
    }.failure
    let deleted = Result { () throws(LibvirtError) in try connection.deletePort(uuid: uuid, network: network) }.failure
    #expect(listed?.code == code)
    #expect(created?.code == code)
    #expect(deleted?.code == code)
    #expect(listed?.subject == "network '\(network)'")
  }
}
