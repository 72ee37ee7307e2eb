import Glibc
import PoolModel
import Testing

@testable import Netlink

/// Against this machine's own kernel; reads only, or asks for what no driver here does.
@Suite struct RouteSocketTests {
  @Test func theLoopbackIsListed() throws {
    let socket = try RouteSocket()
    let listed = try #require(try socket.links().first { $0.name == "lo" })
    #expect(listed.numVF == nil)
    #expect(listed.vfs.isEmpty)
    #expect(try socket.link(name: "lo").ifindex == listed.ifindex)
    #expect(try socket.link(index: listed.ifindex).name == "lo")
  }

  @Test func addressesOfLinksThatExist() throws {
    let socket = try RouteSocket()
    let links = Set(try socket.links().map(\.ifindex))
    let addresses = try socket.addresses()
    #expect(links.isSuperset(of: addresses.keys))
    #expect(addresses.values.joined().allSatisfy { !$0.hasPrefix("fe80:") })
  }

  @Test func defaultRoutesLeaveThroughLinksThatExist() throws {
    let socket = try RouteSocket()
    let links = Set(try socket.links().map(\.ifindex))
    #expect(try socket.defaultRoutes().allSatisfy { links.isSuperset(of: $0.ifindexes) })
  }

  @Test(arguments: ["nosuch0", "", "a-name-that-is-too-long-for-a-link"])
  func unknownNames(name: String) throws {
    let socket = try RouteSocket()
    let error = #expect(throws: NetlinkError.self) { try socket.link(name: name) }
    #expect(error?.code == .noSuchLink)
    #expect(error?.errno == ENODEV)
    // The socket goes on after an error.
    #expect(try !socket.links().isEmpty)
  }

  @Test func aLinkWithoutVFs() throws {
    let socket = try RouteSocket()
    let lo = try socket.link(name: "lo").ifindex
    let reading = #expect(throws: NetlinkError.self) { try socket.vf(0, ofLink: lo) }
    #expect(reading?.code == .noSuchVF)
    #expect(reading?.description == "cannot read lo/0: lo has 0 VFs")
    let writing = #expect(throws: NetlinkError.self) { try socket.set(VFSettings(trust: true), vf: 0, ofLink: lo) }
    // Without CAP_NET_ADMIN it isn't even tried.
    #expect(writing?.code == (geteuid() == 0 ? .notSupported : .refused))
    #expect(throws: Never.self) { try socket.set(VFSettings(), vf: 0, ofLink: lo) }
  }
}
