import Clibvirt
import PoolModel
import Testing

@testable import Libvirt

@Suite(.timeLimit(.minutes(1)))
struct EventsTests {
  @Test func networkEventsInOrder() async throws {
    let connection = try TestHost.connect()
    let events = try connection.events([.networks])
    let name = "events"
    let uuid = try connection.defineNetwork(xml: TestHost.netdef(name))
    try connection.startNetwork(name)
    try connection.stopNetwork(name)
    try connection.undefineNetwork(name)

    var seen: [LibvirtEvent] = []
    for await event in events {
      guard case .network(name, _, let change) = event else { continue }
      seen.append(event)
      if change == .undefined { break }
    }
    #expect(
      seen == [
        .network(name: name, uuid: uuid, .defined), .network(name: name, uuid: uuid, .started),
        .network(name: name, uuid: uuid, .stopped), .network(name: name, uuid: uuid, .undefined),
      ])
  }

  @Test func domainEventsInOrder() async throws {
    let connection = try TestHost.connect()
    let events = try connection.events([.domains])
    let guest = try TestGuest("eventful")
    guest.start()
    guest.destroy()
    try connection.defineDomain(xml: try #require(try connection.definitionXML("eventful")))
    guest.undefine()

    var seen: [DomainChange] = []
    for await event in events {
      guard case .domain(guest.id, let change) = event else { continue }
      seen.append(change)
      if change == .undefined { break }
    }
    #expect(seen == [.defined, .started, .stopped(.destroyed), .redefined, .undefined])
  }

  @Test func onlySubscribedKindsCome() async throws {
    let connection = try TestHost.connect()
    let networks = try connection.events([.networks])
    let guest = try TestGuest("unheard")
    guest.undefine()
    try connection.defineNetwork(xml: TestHost.netdef("heard"))
    try connection.undefineNetwork("heard")
    for await event in networks {
      guard case .network(let name, _, let change) = event else {
        Issue.record("\(event) wasn't subscribed to")
        continue
      }
      if name == "heard", change == .undefined { break }
    }
  }

  @Test func eachStreamGetsEveryEvent() async throws {
    let connection = try TestHost.connect()
    let streams = try (0..<3).map { _ in try connection.events([.networks]) }
    try connection.defineNetwork(xml: TestHost.netdef("fan-out"))
    try connection.undefineNetwork("fan-out")
    for stream in streams {
      var changes: [NetworkChange] = []
      for await case .network("fan-out", _, let change) in stream {
        changes.append(change)
        if change == .undefined { break }
      }
      #expect(changes == [.defined, .undefined])
    }
  }

  @Test func ownCloseEndsTheStreamSilently() async throws {
    let connection = try TestHost.connect()
    let events = try connection.events([.networks, .domains, .devices])
    connection.close()
    for await event in events {
      if case .connectionClosed = event { Issue.record("own close was reported as \(event)") }
    }
  }

  @Test func droppedConnectionEndsTheStream() async throws {
    let events = try TestHost.connect().events([.networks])
    for await _ in events {}
  }

  @Test func leavingAStreamKeepsTheOthers() async throws {
    let connection = try TestHost.connect()
    do {
      let left = try connection.events([.networks])
      try connection.defineNetwork(xml: TestHost.netdef("leaving"))
      for await _ in left { break }
    }
    let stayed = try connection.events([.networks])
    // The one that was left unsubscribes in the background, at whatever moment.
    for round in 0..<20 {
      try connection.defineNetwork(xml: TestHost.netdef("staying-\(round)"))
      try connection.undefineNetwork("staying-\(round)")
      try await Task.sleep(for: .milliseconds(2))
    }
    try connection.undefineNetwork("leaving")
    var rounds: Set<String> = []
    for await case .network(let name, _, .undefined) in stayed {
      if name == "leaving" { break }
      if name.hasPrefix("staying-") { rounds.insert(name) }
    }
    #expect(rounds.count == 20)
  }

  @Test(
    "stop reasons",
    arguments: [
      (VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN, DomainChange.StopReason.shutdown),
      (VIR_DOMAIN_EVENT_STOPPED_DESTROYED, .destroyed), (VIR_DOMAIN_EVENT_STOPPED_CRASHED, .crashed),
      (VIR_DOMAIN_EVENT_STOPPED_MIGRATED, .migrated), (VIR_DOMAIN_EVENT_STOPPED_SAVED, .saved),
      (VIR_DOMAIN_EVENT_STOPPED_FAILED, .failed), (VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT, .other),
    ])
  func stopReason(detail: virDomainEventStoppedDetailType, reason: DomainChange.StopReason) {
    let change = DomainChange(
      event: Int32(VIR_DOMAIN_EVENT_STOPPED.rawValue), detail: Int32(detail.rawValue))
    #expect(change == .stopped(reason))
  }
}
