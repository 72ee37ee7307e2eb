import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// Keeps a watch going: on one member, and when that is lost on another.
final class WatchSession: Sendable {
  /// Why it isn't going on where it was.
  private enum Break: Sendable, CustomStringConvertible {
    case lost(String)
    /// A new token may help.
    case tokenRefused(String?, EtcdError)
    case ended(EtcdError)
    case cancelled

    var description: String {
      switch self {
      case .lost(let why): why
      case .tokenRefused(_, let error), .ended(let error): "\(error)"
      case .cancelled: "not watched any more"
      }
    }
  }

  private struct State {
    var reader: WatchReader
    var task: Task<Void, Never>?
    var connection = Watch.Connection.away("not connected yet")
    var endpoint: EtcdEndpoint?
    /// When the member was heard of last through the watch itself.
    var heard = ContinuousClock.now
    var isSuspect = false
    /// Wakes the task that asks the member whether it still serves.
    var waker: AsyncStream<Void>.Continuation?
    var isCancelled = false
  }

  private let batches = BatchQueue()
  private let client: EtcdClient
  private let state: Mutex<State>

  /// The most bytes of an answer that says why not.
  private static let failureLimit = 65_536
  /// Between two rounds over the endpoints.
  private static let longestPause = Duration.seconds(15)
  /// Hosts that lose the same member don't come to the next one all at once.
  private static let spread = Duration.milliseconds(500)
  /// A connection that didn't hold so long counts as failed.
  private static let shortLife = Duration.seconds(5)

  init(_ client: EtcdClient, _ reader: WatchReader) {
    self.client = client
    state = Mutex(State(reader: reader))
  }

  var connection: Watch.Connection { state.withLock { $0.connection } }

  func start() {
    guard client.add(self) else { return batches.finish(.cancelled) }
    let task = Task { [self] in
      await run()
      client.remove(self)
    }
    let isCancelled = state.withLock { state in
      state.task = task
      return state.isCancelled
    }
    if isCancelled { task.cancel() }
  }

  func cancel() {
    batches.cancel()
    state.withLock { state in
      state.isCancelled = true
      return state.task
    }?.cancel()
  }

  /// Something went wrong with this member: if the watch is there, it is asked at once whether it still serves.
  func suspect(_ endpoint: EtcdEndpoint) {
    state.withLock { state in
      guard state.endpoint == endpoint else { return nil as AsyncStream<Void>.Continuation? }
      state.isSuspect = true
      return state.waker
    }?.yield()
  }

  /// Nil: the watch has ended, or the reading task is cancelled, which ends it.
  func next() async throws(EtcdError) -> WatchBatch? {
    let result = await withTaskCancellationHandler {
      await batches.next()
    } onCancel: {
      cancel()
    }
    return try result.get()
  }

  // MARK: From break to break

  private func run() async {
    var failed: [EtcdEndpoint] = []
    var rounds = 0
    var isToldAway = false
    var mayRenew = true
    while !Task.isCancelled {
      let order = client.order
      let endpoint = order.first { !failed.contains($0) } ?? order[0]
      let began = ContinuousClock.now
      let end = await follow(endpoint)
      let wasConnected = if case .connected = connection { true } else { false }
      state.withLock { state in
        (state.endpoint, state.waker) = (nil, nil)
        state.connection = .away("\(endpoint): \(end)")
      }
      switch end {
      case .cancelled: return batches.finish(nil)
      case .ended(let error): return batches.finish(error)
      case .tokenRefused(let token, let error):
        guard client.renounce(token), mayRenew else { return batches.finish(error) }
        mayRenew = false
      case .lost(let why):
        if wasConnected {
          client.log.info("the watch on etcd at \(endpoint) broke: \(why)")
          (isToldAway, mayRenew) = (false, true)
        }
        if wasConnected, ContinuousClock.now - began > Self.shortLife { (failed, rounds) = ([], 0) }
        failed.append(endpoint)
        var pause = Self.spread * Double.random(in: 0...1)
        if client.configuration.endpoints.allSatisfy(failed.contains) {
          if !wasConnected, !isToldAway {
            client.log.warning("etcd can't be watched: \(endpoint): \(why)")
            isToldAway = true
          }
          failed = []
          rounds += 1
          pause = min(Self.longestPause, Self.spread * Double(1 << min(rounds, 6))) * Double.random(in: 0.5...1)
        }
        try? await Task.sleep(for: pause)
      }
    }
    batches.finish(nil)
  }

  // MARK: On one member

  private func follow(_ endpoint: EtcdEndpoint) async -> Break {
    let (wakes, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    state.withLock { state in
      (state.endpoint, state.waker) = (endpoint, waker)
      (state.heard, state.isSuspect) = (.now, false)
    }
    return await withTaskGroup(of: Break.self) { group in
      defer { group.cancelAll() }
      group.addTask { await self.receive(endpoint) }
      group.addTask { await self.remind(endpoint, waker) }
      group.addTask { await self.probe(endpoint, wakes) }
      return await group.next() ?? .cancelled
    }
  }

  /// Reads the stream until it breaks.
  private func receive(_ endpoint: EtcdEndpoint) async -> Break {
    let timeout = ContinuousClock.now + client.configuration.requestTimeout
    let token: String?
    switch await client.token(at: endpoint, Limits(connecting: timeout, sent: timeout, answering: timeout)) {
    case .done(let found): token = found
    case .failed(let why, _): return .lost(why)
    case .final(let error): return .ended(error)
    case .cancelled: return .cancelled
    }
    do {
      let response = try await client.connections.post(
        "watch", state.withLock { $0.reader.request() }, to: endpoint, token: token, progress: Exchange())
      guard response.status == .ok else {
        let body = try await response.body.collect(upTo: Self.failureLimit)
        return Self.end(
          Verdict(status: Int(response.status.code), body: Array(body.readableBytesView), subject: "watching"), token)
      }
      var splitter = MessageSplitter(limit: client.answerLimit / 2)
      for try await part in response.body {
        state.withLock { $0.heard = .now }
        for message in try splitter.feed(part.readableBytesView) {
          guard let finding = state.withLock({ $0.reader.take(message) }) else { continue }
          if let end = await handle(finding, at: endpoint, token) { return end }
        }
      }
      return .lost("the member ended it")
    } catch let error as EtcdError {
      return .ended(error)
    } catch {
      return Task.isCancelled ? .cancelled : .lost(FailureWords.of(error))
    }
  }

  /// Nil: the watch goes on.
  private func handle(_ finding: WatchReader.Finding, at endpoint: EtcdEndpoint, _ token: String?) async -> Break? {
    switch finding {
    case .batch(let batch):
      await batches.add(batch)
      return nil
    case .established(let revision):
      if revision < state.withLock({ $0.reader.revision }), let end = await checkRevision(at: endpoint) { return end }
      state.withLock { $0.connection = .connected(endpoint) }
      client.log.info("etcd is watched at \(endpoint)")
      return nil
    case .refused(let verdict):
      return Self.end(verdict, token)
    }
  }

  private static func end(_ verdict: Verdict, _ token: String?) -> Break {
    switch verdict {
    case .notServed(let why), .doubtful(let why): .lost(why)
    case .tokenRefused(let error): .tokenRefused(token, error)
    // 3.5.1 says so of a token that it doesn't know, too.
    case .final(.permissionDenied(let what)): .tokenRefused(token, .permissionDenied(what))
    case .final(let error): .ended(error)
    }
  }

  /// A member that is behind catches up; a store whose revisions went back is another.
  private func checkRevision(at endpoint: EtcdEndpoint) async -> Break? {
    do throws(EtcdError) {
      let now = try await look(endpoint)
      return now < state.withLock { $0.reader.revision } ? .ended(.restored) : nil
    } catch {
      return .lost("\(error)")
    }
  }

  // MARK: Whether the member still serves

  /// Wakes the probe when the member hasn't been heard of for a while; ends it when there is no watch in the time of a
  /// request.
  private func remind(_ endpoint: EtcdEndpoint, _ waker: AsyncStream<Void>.Continuation) async -> Break {
    do {
      try await Task.sleep(for: client.configuration.requestTimeout)
      guard case .connected = connection else { return .lost("no answer in time") }
      while true {
        let due = lastHeard(endpoint) + client.configuration.watchProbeInterval
        if due <= .now {
          waker.yield()
          try await Task.sleep(for: client.configuration.watchProbeInterval)
        } else {
          try await Task.sleep(until: due)
        }
      }
    } catch {
      return .cancelled
    }
  }

  private func probe(_ endpoint: EtcdEndpoint, _ wakes: AsyncStream<Void>) async -> Break {
    for await _ in wakes {
      let isSuspect = state.withLock { state in
        defer { state.isSuspect = false }
        return state.isSuspect
      }
      guard isSuspect || lastHeard(endpoint) + client.configuration.watchProbeInterval <= .now else { continue }
      do throws(EtcdError) {
        _ = try await look(endpoint)
      } catch .unreachable(let attempts) {
        return .lost(attempts.last?.detail ?? "no answer")
      } catch .cancelled {
        return .cancelled
      } catch {
        // It answers.
        continue
      }
      state.withLock { $0.heard = .now }
    }
    return .cancelled
  }

  private func lastHeard(_ endpoint: EtcdEndpoint) -> ContinuousClock.Instant {
    let own = state.withLock { $0.heard }
    return client.heard(from: endpoint).map { max($0, own) } ?? own
  }

  /// The store's revision as a majority has it.
  private func look(_ endpoint: EtcdEndpoint) async throws(EtcdError) -> Int64 {
    let key = state.withLock { $0.reader.someKey }
    let call = Call(
      path: "kv/range", body: Wire.encode(Wire.RangeRequest(key, countOnly: true)), kind: .read,
      subject: "reading \(key)")
    return try await client.ask(call, for: Wire.RangeResponse.self, at: endpoint).message.result.revision
  }
}
