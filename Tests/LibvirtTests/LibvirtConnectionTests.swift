import Libvirt
import Testing

struct LibvirtConnectionTests {
  @Test func callsAfterCloseSayWhy() throws {
    let connection = try TestHost.connect()
    connection.close()
    connection.close()
    let error = try #require(Result { () throws(LibvirtError) in try connection.networks() }.failure)
    #expect(error.code == .connectionLost)
    #expect(error.rawCode == 0)
    #expect(error.description == "cannot list networks: connection test:///default was closed")
    let late = Result { () throws(LibvirtError) in try connection.events([.networks]) }.failure
    #expect(late?.code == .connectionLost)
  }

  @Test func badURIIsRefused() {
    let error = Result { () throws(LibvirtError) in try LibvirtConnection(uri: "nothing:///here") }.failure
    #expect(error != nil)
    #expect(error?.subject == "connection nothing:///here")
  }

  @Test func closeMayComeWhileOthersCall() async throws {
    for _ in 0..<20 {
      let connection = try TestHost.connect()
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask {
            for _ in 0..<50 {
              let failure = Result { () throws(LibvirtError) in try connection.networks() }.failure
              #expect(failure == nil || failure?.code == .connectionLost, "\(String(describing: failure))")
            }
          }
        }
        group.addTask { connection.close() }
      }
    }
  }
}
