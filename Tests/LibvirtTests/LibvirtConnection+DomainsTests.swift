import Clibvirt
import Libvirt
import PoolModel
import Testing

struct DomainsTests {
  let connection: LibvirtConnection

  init() throws { connection = try TestHost.connect() }

  @Test func driversOwnGuestRuns() throws {
    let guest = try #require(try connection.domains().first { $0.name == "test" })
    #expect(guest.uuid == guest.uuid.lowercased())
    let xml = try #require(try connection.runningDomainXMLs().first { $0.contains("<name>test</name>") })
    #expect(xml.contains("<uuid>\(guest.uuid)</uuid>"))
    #expect(xml.hasPrefix("<domain type='test' id='"))
  }

  @Test func stoppedGuestIsListedButDoesNotRun() throws {
    let guest = try TestGuest("stopped")
    defer { guest.undefine() }
    #expect(try connection.domains().contains(guest.id))
    #expect(try !connection.runningDomainXMLs().contains { $0.contains("<name>stopped</name>") })
    guest.start()
    #expect(try connection.runningDomainXMLs().contains { $0.contains("<name>stopped</name>") })
    guest.destroy()
    #expect(try !connection.runningDomainXMLs().contains { $0.contains("<name>stopped</name>") })
  }

  @Test func definitionIsFoundByNameAndByUUID() throws {
    let guest = try TestGuest("defined")
    defer { guest.undefine() }
    for name in ["defined", guest.id.uuid] {
      #expect(try connection.inactiveDomainXML(name)?.contains("<uuid>\(guest.id.uuid)</uuid>") == true)
    }
    guest.start()
    // The definition, not what runs: that has an id.
    #expect(try connection.inactiveDomainXML("defined")?.hasPrefix("<domain type='test'>") == true)
    guest.destroy()
    #expect(try connection.inactiveDomainXML("nobody") == nil)
    #expect(try connection.inactiveDomainXML("c0ffee00-0000-4000-8000-999999999999") == nil)
  }

  @Test func definitionIsChangedForAGuestThatIsDefined() throws {
    let guest = try TestGuest("changed")
    #expect(try connection.persistentDomains().contains(guest.id))
    let xml = try #require(try connection.definitionXML(guest.id.uuid))
    try connection.defineDomain(xml: xml.replacing("</memory>", with: "</memory><description>other</description>"))
    #expect(try connection.inactiveDomainXML("changed")?.contains("<description>other</description>") == true)
    guest.start()
    guest.undefine()
    #expect(try connection.domains().contains(guest.id))
    #expect(try !connection.persistentDomains().contains(guest.id))
    #expect(try connection.definitionXML("changed") == nil)
    guest.destroy()
    #expect(try connection.definitionXML("changed") == nil)
    let error = Result { () throws(LibvirtError) in try connection.defineDomain(xml: "<domain/>") }.failure
    #expect(error?.code == .invalidXML || error?.code == .other)
  }

  @Test func recordsHaveWhatRunsAndWhatIsDefined() throws {
    let guest = try TestGuest("recorded")
    defer { guest.undefine() }
    let stopped = try #require(try connection.domainRecord("recorded"))
    #expect(stopped.id == guest.id && stopped.liveXML == nil)
    #expect(stopped.inactiveXML?.hasPrefix("<domain type='test'>") == true)
    guest.start()
    let running = try #require(try connection.domainRecord(guest.id.uuid))
    #expect(running.liveXML?.hasPrefix("<domain type='test' id='") == true)
    #expect(try connection.domainRecords().contains(running))
    guest.destroy()
    #expect(try connection.domainRecord("nobody") == nil)
  }

  @Test func devicesOfADomainThatIsNotThere() throws {
    let xml = "<hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>"
    let attach = Result { () throws(LibvirtError) in try connection.attachDevice(xml: xml, domain: "nobody", .live) }
    #expect(attach.failure?.code == .noDomain)
    let detach = Result { () throws(LibvirtError) in try connection.detachDevice(xml: xml, domain: "nobody", .config) }
    #expect(detach.failure?.code == .noDomain)
  }
}
