import Clibvirt
import Libvirt
import Testing

struct NetworksTests {
  let connection: LibvirtConnection

  init() throws { connection = try TestHost.connect() }

  @Test func listHasTheDriversOwnNetwork() throws {
    let network = try #require(try connection.networks().first { $0.name == "default" })
    #expect(network.active)
    #expect(network.persistent)
    #expect(!network.autostart)
    #expect(network.liveXML?.contains("<name>default</name>") == true)
    #expect(network.inactiveXML?.contains("<name>default</name>") == true)
    #expect(network.uuid.utf8.count == 36)
    #expect(network.uuid == network.uuid.lowercased())
    #expect(try connection.network(named: "default") == network)
    #expect(try connection.networkNames().contains("default"))
  }

  @Test func lifeOfANetwork() throws {
    let name = "life"
    let uuid = "0b1c2d3e-4f50-4172-8394-a5b6c7d8e9f0"
    #expect(try connection.defineNetwork(xml: TestHost.netdef(name, uuid: uuid.uppercased())) == uuid)
    let defined = try connection.network(named: name)
    #expect(!defined.active && defined.persistent && !defined.autostart)
    #expect(defined.liveXML == nil)
    #expect(defined.inactiveXML?.contains("mode='hostdev'") == true)

    try connection.setAutostart(true, network: name)
    try connection.startNetwork(name)
    let started = try connection.network(named: name)
    #expect(started.active && started.autostart)
    #expect(started.liveXML?.contains(uuid) == true)
    let twice = Result { () throws(LibvirtError) in try connection.startNetwork(name) }.failure
    #expect(twice?.code == .operationInvalid)

    try connection.stopNetwork(name)
    #expect(try !connection.network(named: name).active)
    try connection.undefineNetwork(name)
    let gone = Result { () throws(LibvirtError) in try connection.network(named: name) }.failure
    #expect(gone?.code == .noNetwork)
    #expect(try !connection.networks().contains { $0.name == name })
  }

  @Test func transientNetworkVanishesWhenStopped() throws {
    let name = "transient"
    let raw = virConnectOpen(TestHost.uri)
    defer { virConnectClose(raw) }
    let created = virNetworkCreateXML(raw, TestHost.netdef(name))
    #expect(created != nil)
    virNetworkFree(created)
    let network = try connection.network(named: name)
    #expect(network.active && !network.persistent)
    #expect(network.inactiveXML == nil)
    try connection.stopNetwork(name)
    #expect(try !connection.networks().contains { $0.name == name })
  }

  @Test(
    "XML that libvirt doesn't take is told apart",
    arguments: ["<network><name>broken</name>", "<domain/>", "<network/>"])
  func badXML(xml: String) throws {
    let error = try #require(Result { () throws(LibvirtError) in try connection.defineNetwork(xml: xml) }.failure)
    #expect(error.code == .invalidXML, "\(error)")
    #expect(error.operation == "define")
  }
}
