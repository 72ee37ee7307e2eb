import ControlAPI
import PoolModel
import SocketFakes
import Testing

@testable import Commands

@Suite struct GuestXMLTests {
  @Test func quotesNames() {
    #expect(
      GuestXML.interface(pool: "a&'b", portgroup: "<x>") == """
        <interface type='network'>
          <source network='a&amp;&apos;b' portgroup='&lt;x&gt;'/>
        </interface>

        """)
  }

  @Test(arguments: [(nil as String?, Int32(0)), ("finance", 0), ("nonsense", 1)])
  func knowsThePortgroups(portgroup: String?, code: Int32) throws {
    let detail = PoolDetail(row: Rows.pool, pool: Pool(name: "tenant-a", portgroups: ["finance"]), vfs: [])
    let daemon = try FakeDaemon { _ in (200, JSONText(detail).compact) }
    let recording = Recording()
    let group = portgroup.map { ["--portgroup", $0] } ?? []
    #expect(recording.run(["guest", "xml", "--pool", "tenant-a", "--socket", daemon.path] + group) == code)
    #expect(recording.out == (code == 0 ? GuestXML.interface(pool: "tenant-a", portgroup: portgroup) : ""))
    #expect(code == 0 || recording.err == "vfpool: pool tenant-a has no portgroup ‘nonsense’: it has finance\n")
  }
}
