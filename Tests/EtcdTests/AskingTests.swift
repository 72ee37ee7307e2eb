import Glibc
import NIOPosix
import Synchronization
import Testing

@testable import Etcd

/// On which members a request is tried, and as what it fails.
struct AskingTests {
  private static let done = #"{"header":{"revision":"7"},"succeeded":true,"responses":[{"response_put":{}}]}"#
  private static let noLeader = #"{"error":"etcdserver: no leader","message":"etcdserver: no leader","code":14}"#
  private static let timedOut = #"{"error":"etcdserver: request timed out","code":14}"#
  private static let noSpace = #"{"error":"etcdserver: mvcc: database space exceeded","code":8}"#

  /// Asks `members` in their order.
  private func asked<Value>(
    _ members: [FakeMember], timeout: Duration = .seconds(20), user: EtcdConfiguration.User? = nil,
    _ body: (EtcdClient) async throws -> Value
  ) async throws -> Result<Value, EtcdError> {
    var configuration = EtcdConfiguration(endpoints: members.map(\.endpoint))
    configuration.startsAnywhere = false
    configuration.requestTimeout = timeout
    configuration.user = user
    let client = try EtcdClient(configuration, log: quiet)
    let result: Result<Value, EtcdError>
    do { result = .success(try await body(client)) } catch let error as EtcdError { result = .failure(error) }
    await client.shutdown()
    return result
  }

  private func change(_ etcd: EtcdClient, isRepeatable: Bool = false) async throws -> TransactionResult {
    try await etcd.commit(Transaction(then: [.put("a", "1")]), isRepeatable: isRepeatable)
  }

  private func isUncertain<Value>(_ result: Result<Value, EtcdError>) -> Bool {
    if case .failure(.uncertain) = result { true } else { false }
  }

  private func isUnreachable<Value>(_ result: Result<Value, EtcdError>) -> Bool {
    if case .failure(.unreachable) = result { true } else { false }
  }

  @Test(arguments: [
    FakeMember.Reaction.answer(503, noLeader), .answer(404, "Not Found"),
    .answer(429, #"{"error":"etcdserver: too many requests","code":8}"#),
  ])
  func whatAMemberHasNotDoneTheNextOneDoes(reaction: FakeMember.Reaction) async throws {
    let first = try await FakeMember { _ in reaction }
    let second = try await FakeMember { _ in .answer(200, Self.done) }
    let result = try await asked([first, second]) { etcd in
      let result = try await change(etcd)
      // The one that answered is asked first from now on.
      _ = try await change(etcd)
      return result
    }
    #expect(try result.get().succeeded && !result.get().isRepeat)
    #expect(first.requests.count == 1 && second.requests.count == 2)
  }

  @Test(arguments: [
    FakeMember.Reaction.close, .silence, .answer(503, timedOut), .answer(502, "<html>"), .answer(200, "{"),
    .answer(200, "{}"),
    .answer(200, #"{"header":{"revision":"7"},"succeeded":true,"responses":[{}]}"#),
  ])
  func whatAMemberMayHaveDoneIsTheCallersToRepeat(reaction: FakeMember.Reaction) async throws {
    let first = try await FakeMember { _ in reaction }
    let second = try await FakeMember { _ in .answer(200, Self.done) }
    let once = try await asked([first, second], timeout: .seconds(2)) { try await change($0) }
    #expect(isUncertain(once) && second.requests.isEmpty, "\(once)")
    let repeated = try await asked([first, second], timeout: .seconds(2)) { try await change($0, isRepeatable: true) }
    #expect(try repeated.get().isRepeat)
    #expect(first.requests.count == 2 && second.requests.count == 1)
  }

  @Test(arguments: [
    FakeMember.Reaction.close, .silence, .answer(503, timedOut), .answer(502, "<html>"), .answer(200, "{}"),
  ])
  func whatOnlyReadsIsRepeated(reaction: FakeMember.Reaction) async throws {
    let first = try await FakeMember { _ in reaction }
    let second = try await FakeMember { _ in .answer(200, Self.done) }
    let read = try await asked([first, second], timeout: .seconds(2)) { try await $0.range(.key("a")) }
    #expect(try read.get().revision == 7)
    #expect(first.requests.count == 1 && second.requests.count == 1)
  }

  @Test func nothingIsAskedAfterShutdown() async throws {
    let member = try await FakeMember { _ in .answer(200, Self.done) }
    let client = try EtcdClient(EtcdConfiguration(endpoints: [member.endpoint]), log: quiet)
    await client.shutdown()
    await #expect(throws: EtcdError.cancelled) { try await client.put("a", "1") }
    #expect(member.requests.isEmpty)
  }

  @Test func aReasonThatAllWouldGiveEndsIt() async throws {
    let first = try await FakeMember { _ in .answer(429, Self.noSpace) }
    let second = try await FakeMember { _ in .answer(200, Self.done) }
    let result = try await asked([first, second]) { try await change($0, isRepeatable: true) }
    #expect(result == .failure(.noSpace))
    #expect(second.requests.isEmpty)
    let silent = try await FakeMember { _ in .silence }
    let doubtful = try await asked([silent, first], timeout: .seconds(2)) { try await change($0, isRepeatable: true) }
    #expect(isUncertain(doubtful), "the silent one may have had the space")
  }

  @Test func theDeadlineIsForAllTogether() async throws {
    let silent = [try await FakeMember { _ in .silence }, try await FakeMember { _ in .silence }]
    for isRepeatable in [false, true] {
      let start = ContinuousClock.now
      let result = try await asked(silent, timeout: .milliseconds(600)) {
        try await change($0, isRepeatable: isRepeatable)
      }
      let spent = ContinuousClock.now - start
      #expect(isUncertain(result))
      #expect(spent >= .milliseconds(550) && spent < .seconds(4), "\(spent)")
    }
    let start = ContinuousClock.now
    let read = try await asked(silent, timeout: .milliseconds(600)) { try await $0.range(.key("a")) }
    #expect(isUnreachable(read) && ContinuousClock.now - start < .seconds(4))
    guard case .failure(.unreachable(let attempts)) = read else { return }
    #expect(attempts.map(\.endpoint) == silent.map(\.endpoint))
    #expect(attempts.map(\.detail) == ["no answer in time", "no answer in time"])
  }

  @Test func membersAreAskedAgainUntilThereIsALeader() async throws {
    let rounds = Counter()
    let first = try await FakeMember { _ in rounds.next() < 3 ? .answer(503, Self.noLeader) : .answer(200, Self.done) }
    let second = try await FakeMember { _ in .answer(503, Self.noLeader) }
    let result = try await asked([first, second]) { try await change($0) }
    #expect(try result.get().succeeded)
    #expect(first.requests.count == 3 && (2...3).contains(second.requests.count))
  }

  @Test func whatNobodyListensForIsNotDone() async throws {
    let member = try await FakeMember { _ in .silence }
    let endpoint = member.endpoint
    var configuration = EtcdConfiguration(endpoints: [try EtcdEndpoint("http://127.0.0.1:9")])
    configuration.requestTimeout = .seconds(1)
    let client = try EtcdClient(configuration, log: quiet)
    let error = await #expect(throws: EtcdError.self) { try await client.put("a", "1") }
    await client.shutdown()
    guard case .unreachable(let attempts) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(attempts.map(\.detail) == ["Connection refused"])
    #expect(endpoint != configuration.endpoints[0])
  }

  /// A connection that isn't accepted: the listener's queue is full.
  @Test func aMemberThatAcceptsNothingHasItsShareOfTheTime() async throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let waiting = withUnsafeMutablePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener, address, length)
        listen(listener, 0)
        getsockname(listener, address, &length)
        return (0..<3).map { _ in
          let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
          connect(client, address, length)
          return client
        }
      }
    }
    defer { for client in waiting { close(client) } }
    let second = try await FakeMember { _ in .answer(200, Self.done) }
    let full = try EtcdEndpoint("http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))")
    var configuration = EtcdConfiguration(endpoints: [full, second.endpoint])
    configuration.startsAnywhere = false
    let client = try EtcdClient(configuration, log: quiet)
    let start = ContinuousClock.now
    let result = try await client.commit(Transaction(then: [.put("a", "1")]))
    let spent = ContinuousClock.now - start
    await client.shutdown()
    #expect(result.succeeded && !result.isRepeat)
    #expect(spent > .milliseconds(900), "\(spent)")
  }

  @Test func aTokenIsFetchedOnceAndAgainWhenItIsRefused() async throws {
    let tokens = Counter()
    let uses = Counter()
    let member = try await FakeMember { request in
      if request.call == "auth/authenticate" { return .answer(200, #"{"token":"t\#(tokens.next())"}"#) }
      return request.token == "t1" && uses.next() > 1
        ? .answer(401, #"{"error":"etcdserver: invalid auth token","code":16}"#) : .answer(200, Self.done)
    }
    let user = EtcdConfiguration.User(name: "u", password: #"p"\"#)
    let result = try await asked([member], user: user) { etcd in
      for _ in 0..<3 { _ = try await change(etcd) }
    }
    #expect(throws: Never.self) { try result.get() }
    #expect(
      member.requests.map(\.call) == ["auth/authenticate", "kv/txn", "kv/txn", "auth/authenticate", "kv/txn", "kv/txn"])
    #expect(member.requests.map(\.token) == [nil, "t1", "t1", nil, "t2", "t2"])
    #expect(member.requests[0].body.contains(#""password":"p\"\\""#), "\(member.requests[0].body)")
  }

  @Test func aTokenThatIsAlwaysRefusedEndsIt() async throws {
    let member = try await FakeMember { request in
      request.call == "auth/authenticate"
        ? .answer(200, #"{"token":"t"}"#) : .answer(401, #"{"error":"etcdserver: invalid auth token","code":16}"#)
    }
    let result = try await asked([member], user: .init(name: "u", password: "p")) { try await change($0) }
    guard case .failure(.unauthorized) = result else {
      Issue.record("\(result)")
      return
    }
    #expect(member.requests.count == 4)
  }

  @Test func cancellationBeforeAndAfterTheRequestWasSent() async throws {
    let silent = try await FakeMember { _ in .silence }
    for (isChange, isDoubtful) in [(true, true), (false, false)] {
      let result = try await asked([silent], timeout: .seconds(20)) { etcd in
        let count = silent.requests.count
        let task = Task {
          if isChange { _ = try await change(etcd) } else { _ = try await etcd.range(.key("a")) }
        }
        while silent.requests.count == count { try await Task.sleep(for: .milliseconds(5)) }
        task.cancel()
        return try await task.value
      }
      #expect(isDoubtful ? isUncertain(result.map { 0 }) : result.map { 0 } == .failure(.cancelled), "\(result)")
    }
    let early = try await asked([silent]) { etcd in
      let task = Task {
        while !Task.isCancelled { await Task.yield() }
        return try await change(etcd)
      }
      task.cancel()
      return try await task.value
    }
    #expect(early == .failure(.cancelled))
  }

  @Test func anAnswerHasABound() async throws {
    let member = try await FakeMember { _ in .answer(200, #"{"header":{"revision":"7"},"count":"1"}"#) }
    func read(_ limit: Int) async throws -> Result<Int64, EtcdError> {
      let client = try EtcdClient(
        EtcdConfiguration(endpoints: [member.endpoint]), log: quiet, group: MultiThreadedEventLoopGroup.singleton,
        answerLimit: limit)
      let result: Result<Int64, EtcdError>
      do throws(EtcdError) { result = .success(try await client.range(.all).revision) } catch {
        result = .failure(error)
      }
      await client.shutdown()
      return result
    }
    #expect(try await read(39) == .success(7))
    #expect(try await read(38) == .failure(.tooLarge("an answer of more than 38 bytes")))
  }
}

private final class Counter: Sendable {
  private let count = Mutex(0)

  /// From 1.
  func next() -> Int {
    count.withLock { count in
      count += 1
      return count
    }
  }
}
