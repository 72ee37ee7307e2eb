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
    let guest = try TestGuest("stopped", number: 1)
    defer { guest.undefine() }
    #expect(try connection.domains().contains(guest.id))
    #expect(try !connection.runningDomainXMLs().contains { $0.contains("<name>stopped</name>") })
    guest.start()
    #expect(try connection.runningDomainXMLs().contains { $0.contains("<name>stopped</name>") })
    guest.destroy()
    #expect(try !connection.runningDomainXMLs().contains { $0.contains("<name>stopped</name>") })
  }
}
