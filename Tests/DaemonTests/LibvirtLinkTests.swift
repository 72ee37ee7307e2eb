import Glibc
import Libvirt
import LibvirtXML
import Logging
import PoolFlows
import PoolModel
import Testing

@testable import Daemon

@Suite(.timeLimit(.minutes(1)))
struct LibvirtLinkTests {
  /// Two lines to libvirt's own test driver, which needs no libvirtd.
  private static func link(networks: String = "test:///default") -> LibvirtLink {
    LibvirtLink(
      networks: networks, guests: "test:///default",
      backoff: .init(first: .milliseconds(5), longest: .milliseconds(20)),
      log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  @Test func connectsTellsEventsAndEnds() async throws {
    let link = Self.link()
    let networks = LibvirtNetworks(link: link)
    let run = Task { await link.run() }
    var seen: [String] = []
    for await signal in link.signals {
      switch signal {
      case .connected:
        seen.append("connected")
        #expect(link.isConnected)
        let uuid = try await networks.define(
          xml: "<network><name>linked</name><forward mode='hostdev' managed='yes'/></network>")
        let facts = try #require(try await networks.hostdevNetworks().first { $0.name == "linked" })
        #expect(facts.uuid == uuid && !facts.active && facts.persistent)
        // The driver's own network is of another mode.
        #expect(try await !networks.hostdevNetworks().contains { $0.name == "default" })
        #expect(try await LibvirtGuests(link: link).running().contains { $0.guest.name == "test" })
        try await networks.undefine(network: "linked")
      case .disconnected: seen.append("disconnected")
      case .event(.network("linked", _, let change)):
        seen.append("\(change)")
        if change == .undefined { run.cancel() }
      case .event: break
      }
    }
    await run.value
    #expect(seen == ["connected", "defined", "undefined", "disconnected"])
    #expect(!link.isConnected)
  }

  @Test func definitionGetsOtherMACs() async throws {
    let link = Self.link()
    let guests = LibvirtGuests(link: link)
    let run = Task { await link.run() }
    let id = GuestID(name: "macs", uuid: "c0ffee00-0000-4000-8000-200000000001")
    let mac = try #require(MACAddress("52:54:00:aa:00:01"))
    for await signal in link.signals {
      guard case .connected = signal else { continue }
      try await link.guests.call { connection in
        try connection.defineDomain(
          xml: """
            <domain type='test'><name>macs</name><uuid>\(id.uuid)</uuid><memory>1024</memory><os><type>hvm</type></os>
            <devices><interface type='network'><source network='default'/></interface></devices></domain>
            """)
      }
      #expect(try await guests.defined().contains(id))
      let isDefined = try await guests.setMACs(ofGuest: id.uuid) { $0.guest == id ? [0: mac] : [:] }
      let isLeftAlone = try await guests.setMACs(ofGuest: id.uuid) { _ in [:] }
      let definition = try #require(try await guests.definition(of: "macs"))
      let isAnybody = try await guests.setMACs(ofGuest: "c0ffee00-0000-4000-8000-299999999999") { _ in [0: mac] }
      #expect(definition.nics.map(\.mac) == [mac])
      let nic = "<interface type='network'><source network='default'/></interface>"
      #expect(try await guests.addToDefinition(ofGuest: id.uuid) { $0.description.guest == id ? [nic, nic] : [] })
      #expect(try await guests.definition(of: "macs")?.nics.count == 3)
      #expect(try await !guests.addToDefinition(ofGuest: "c0ffee00-0000-4000-8000-299999999999") { _ in [nic] })
      #expect(isDefined && isLeftAlone && !isAnybody)
      run.cancel()
    }
    await run.value
  }

  @Test func callsWithoutAConnectionAreUnavailable() async throws {
    let link = Self.link()
    let error = await #expect(throws: FlowError.self) { _ = try await LibvirtNetworks(link: link).hostdevNetworks() }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("test:///default") == true)
  }

  @Test func oneLineAloneIsNoConnection() async throws {
    let link = Self.link(networks: "test+unix:///default?socket=/nonexistent/libvirt-sock")
    let run = Task { await link.run() }
    while await !link.guests.isConnected { try await Task.sleep(for: .milliseconds(5)) }
    // Long enough for several tries.
    try await Task.sleep(for: .milliseconds(100))
    #expect(!link.isConnected)
    let error = await #expect(throws: FlowError.self) {
      try await LibvirtNetworks(link: link).start(network: "default")
    }
    #expect(error?.code == .unavailable)
    run.cancel()
    await run.value
    for await signal in link.signals {
      if case .connected = signal { Issue.record("told as connected") }
    }
  }

  /// libvirtd that starts: its socket takes connections, and nobody answers.
  @Test func cancelDoesNotWaitForAHangingOpen() async throws {
    let silent = try SilentSocket()
    let link = Self.link(networks: "test+unix:///default?socket=\(silent.path)")
    let run = Task { await link.run() }
    while await !link.guests.isConnected { try await Task.sleep(for: .milliseconds(5)) }
    let error = await #expect(throws: FlowError.self) { try await LibvirtNetworks(link: link).stop(network: "default") }
    #expect(error?.code == .unavailable)
    run.cancel()
    await run.value
    silent.close()
  }

  @Test func droppingAPortOfANetworkThatIsGoneIsNoError() async throws {
    let link = Self.link()
    let run = Task { await link.run() }
    for await case .connected in link.signals { break }
    try await LibvirtNetworks(link: link).drop(port: "0b1c2d3e-4f50-4172-8394-a5b6c7d8e9f0", in: "no-such")
    run.cancel()
    await run.value
  }
}

/// A Unix socket that is listened on, but never answered; closing it ends those who wait.
private struct SilentSocket {
  let path: String
  private let descriptor: Int32

  init() throws {
    path = "/tmp/vfpool-silent-\(getpid()).sock"
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    unlink(path)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0 && listen(descriptor, 8) == 0)
  }

  func close() {
    _ = Glibc.close(descriptor)
    unlink(path)
  }
}
