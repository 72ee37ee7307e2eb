import NIOPosix
import Testing

@testable import Etcd

/// Watches on members that fail in ways of their own.
struct WatchSessionTests {
  private static func created(_ revision: Int) -> String {
    #"{"result":{"header":{"cluster_id":"1","revision":"\#(revision)"},"watch_id":"1","created":true}}"# + "\n"
  }

  private static func put(_ revision: Int) -> String {
    #"{"result":{"header":{"cluster_id":"1","revision":"\#(revision)"},"watch_id":"1","events":[{"kv":{"key":"YQ==","mod_revision":"\#(revision)"}}]}}"#
      + "\n"
  }

  private static let revision = #"{"header":{"cluster_id":"1","revision":"9"}}"#

  /// A member that watches as told, and does everything else.
  private func member(_ watching: FakeMember.Reaction) async throws -> FakeMember {
    try await FakeMember { request in
      switch request.call {
      case "watch": watching
      case "lease/keepalive": .answer(200, #"{"result":{"ID":"1","TTL":"60"}}"# + "\n")
      default: .answer(200, Self.revision)
      }
    }
  }

  private func withClient<Value>(
    _ members: [FakeMember], _ change: (inout EtcdConfiguration) -> Void = { _ in },
    _ body: (EtcdClient) async throws -> Value
  ) async throws -> Value {
    var configuration = EtcdConfiguration(endpoints: members.map(\.endpoint))
    configuration.startsAnywhere = false
    change(&configuration)
    let client = try EtcdClient(configuration, log: quiet)
    do {
      let value = try await body(client)
      await client.shutdown()
      return value
    } catch {
      await client.shutdown()
      throw error
    }
  }

  private func first(_ watch: Watch) async throws -> Int64? {
    try await within(.seconds(20)) { try await watch.first { _ in true }?.revision }
  }

  private func connected(_ watch: Watch) async throws {
    try await eventually(.seconds(10)) {
      guard case .connected = watch.connection else { throw Unexpected("\(watch.connection)") }
    }
  }

  @Test func aMemberIsProbedOnlyWhenItSaysNothing() async throws {
    let member = try await member(.stream(Self.created(5)))
    try await withClient([member], { $0.watchProbeInterval = .seconds(1) }) { etcd in
      let watch = etcd.watch([.key("a")], after: 5)
      try await connected(watch)
      func probes() -> Int { member.requests.count { $0.call == "kv/range" } }
      let end = ContinuousClock.now + .milliseconds(2500)
      while ContinuousClock.now < end {
        #expect(try await etcd.keepAlive(1) == 60)
        try await Task.sleep(for: .milliseconds(100))
      }
      #expect(probes() == 0, "a lease that is kept alive is a sign")
      try await Task.sleep(for: .milliseconds(2500))
      #expect((1...3).contains(probes()), "\(probes())")
      #expect(watch.connection == .connected(member.endpoint))
      #expect(member.requests.count { $0.call == "watch" } == 1)
    }
  }

  @Test func aMemberThatDoesNotAnswerTheProbeIsLeft() async throws {
    let hanging = try await FakeMember { request in
      request.call == "watch" ? .stream(Self.created(5)) : .silence
    }
    let other = try await member(.stream(Self.created(5) + Self.put(6)))
    try await withClient(
      [hanging, other],
      { configuration in
        configuration.watchProbeInterval = .seconds(1)
        configuration.requestTimeout = .seconds(1)
      }
    ) { etcd in
      let watch = etcd.watch([.key("a")], after: 5)
      let revision = try await first(watch)
      #expect(revision == 6)
      #expect(hanging.requests.map(\.call) == ["watch", "kv/range"])
      #expect(watch.connection == .connected(other.endpoint))
    }
  }

  @Test(arguments: [
    FakeMember.Reaction.silence, .close, .answer(503, #"{"error":"etcdserver: no leader","code":14}"#),
    .answer(404, "Not Found\n"), .brokenStream(""), .stream("{\n"),
    .stream(#"{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}}"# + "\n"),
    .brokenStream(created(5)), .stream(created(5) + #"{"result":{"watch_id":"1","canceled":true}}"# + "\n"),
  ])
  func aMemberThatDoesNotWatchIsLeft(reaction: FakeMember.Reaction) async throws {
    let first = try await member(reaction)
    let second = try await member(.stream(Self.created(5) + Self.put(6)))
    try await withClient([first, second], { $0.requestTimeout = .seconds(1) }) { etcd in
      let revision = try await self.first(etcd.watch([.key("a")], after: 5))
      #expect(revision == 6)
      #expect(first.requests.count { $0.call == "watch" } == 1)
    }
  }

  @Test func aReasonThatAllWouldGiveEndsIt() async throws {
    let body = "CommonName of client sending a request against gateway will be ignored and not used as expected\n"
    let member = try await member(.answer(400, body))
    try await withClient([member]) { etcd in
      let error = await #expect(throws: EtcdError.self) { try await first(etcd.watch([.key("a")], after: 5)) }
      guard case .unauthorized = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test func itGoesOnBehindWhatCame() async throws {
    // Broken within a message.
    let first = try await member(.brokenStream(Self.created(9) + Self.put(6) + Self.put(7) + Self.put(8).dropLast(5)))
    let second = try await member(.stream(Self.created(9) + Self.put(8) + Self.put(9)))
    try await withClient([first, second]) { etcd in
      let watch = etcd.watch([.key("a")], after: 5)
      let revisions = try await within(.seconds(20)) {
        var revisions: [Int64] = []
        for try await batch in watch {
          revisions.append(batch.revision)
          if revisions.count == 4 { break }
        }
        return revisions
      }
      #expect(revisions == [6, 7, 8, 9])
      #expect(first.requests.first?.body.contains(#""start_revision":"6""#) == true)
      #expect(second.requests.first?.body.contains(#""start_revision":"8""#) == true, "\(second.requests)")
    }
  }

  @Test func aMemberThatIsAloneAndFailsIsNotPestered() async throws {
    for reaction in [FakeMember.Reaction.close, .brokenStream(Self.created(5))] {
      let member = try await member(reaction)
      try await withClient([member]) { etcd in
        let watch = etcd.watch([.key("a")], after: 5)
        try await Task.sleep(for: .seconds(3))
        #expect((2...5).contains(member.requests.count), "\(member.requests.count)")
        if case .connected = watch.connection { Issue.record("connected") }
      }
    }
  }

  @Test func aMessageHasABound() async throws {
    let member = try await member(.stream(Self.created(5) + String(repeating: " ", count: 1001)))
    let etcd = try EtcdClient(
      EtcdConfiguration(endpoints: [member.endpoint]), log: quiet, group: MultiThreadedEventLoopGroup.singleton,
      answerLimit: 2000)
    let error = await #expect(throws: EtcdError.self) { try await first(etcd.watch([.key("a")], after: 5)) }
    await etcd.shutdown()
    #expect(error == .tooLarge("a message of more than 1000 bytes"))
  }
}
