import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Asks the members of an etcd cluster, 3.4 or later, over their JSON gateway.
///
/// A request is tried on one member after the other until its deadline: what a member didn't do, any request; what it
/// may have done, only reads and what may be done twice. A member is asked first until it fails. Reads are
/// linearizable. Call `shutdown` at the end.
public final class EtcdClient: Sendable {
  private struct State {
    /// Which endpoint is asked first: the one behind it as soon as it has failed.
    var preferred: Int
    /// Which one answered last.
    var answered: EtcdEndpoint?
    var token: String?
    /// Whether etcd has said that it needs no token.
    var isOpen = false
    /// When a member last did something that it can't do alone.
    var heard: [EtcdEndpoint: ContinuousClock.Instant] = [:]
    var watches: [ObjectIdentifier: WatchSession] = [:]
    var isShutDown = false
  }

  public let configuration: EtcdConfiguration
  let connections: Connections
  let log: Logger
  let answerLimit: Int
  private let state: Mutex<State>

  /// Opens no connection yet. Throws `.misconfigured`: no endpoint, or a certificate's file can't be used.
  ///
  /// The connections live on `group`, which has to outlive the client.
  public convenience init(
    _ configuration: EtcdConfiguration, log: Logger,
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  ) throws(EtcdError) {
    try self.init(configuration, log: log, group: group, answerLimit: 64 << 20)
  }

  /// `answerLimit`: the most bytes of an answer that are accepted; of a watch's message, half as many. That is enough
  /// for one change of the largest size that etcd advises, 10 MiB, and what was there before, in base64.
  init(
    _ configuration: EtcdConfiguration, log: Logger, group: any EventLoopGroup, answerLimit: Int
  ) throws(EtcdError) {
    guard !configuration.endpoints.isEmpty else { throw .misconfigured("no etcd endpoint is configured") }
    self.configuration = configuration
    self.log = log
    self.answerLimit = answerLimit
    connections = try Connections(configuration, group, log: log)
    let first = configuration.startsAnywhere ? Int.random(in: configuration.endpoints.indices) : 0
    state = Mutex(State(preferred: first))
  }

  /// Ends watches and requests, and closes the connections.
  public func shutdown() async {
    let watches = state.withLock { state in
      state.isShutDown = true
      return Array(state.watches.values)
    }
    for watch in watches { watch.cancel() }
    await connections.shutdown()
  }

  // MARK: Endpoints

  /// The one that is asked first, then those behind it.
  var order: [EtcdEndpoint] {
    let first = state.withLock { $0.preferred }
    return Array(configuration.endpoints[first...] + configuration.endpoints[..<first])
  }

  private func noteSuccess(_ endpoint: EtcdEndpoint, _ call: Call, wasChosen: Bool) {
    guard call.needsMajority else { return }
    let isNews = state.withLock { state in
      state.heard[endpoint] = .now
      guard wasChosen else { return false }
      defer { state.answered = endpoint }
      return state.answered != endpoint
    }
    if isNews { log.info("etcd is asked at \(endpoint) now") }
  }

  private func noteFailure(_ endpoint: EtcdEndpoint, _ why: String) {
    log.debug("etcd at \(endpoint): \(why)")
    let watches = state.withLock { state in
      if configuration.endpoints[state.preferred] == endpoint {
        state.preferred = (state.preferred + 1) % configuration.endpoints.count
      }
      return Array(state.watches.values)
    }
    for watch in watches { watch.suspect(endpoint) }
  }

  /// Nil: never.
  func heard(from endpoint: EtcdEndpoint) -> ContinuousClock.Instant? { state.withLock { $0.heard[endpoint] } }

  // MARK: Watches

  /// False: the client is shut down.
  func add(_ watch: WatchSession) -> Bool {
    state.withLock { state in
      guard !state.isShutDown else { return false }
      state.watches[ObjectIdentifier(watch)] = watch
      return true
    }
  }

  func remove(_ watch: WatchSession) {
    state.withLock { $0.watches[ObjectIdentifier(watch)] = nil }
  }

  // MARK: Requests

  /// Below it nothing new is tried.
  private static let leastTime = Duration.milliseconds(20)
  /// Between two rounds over the endpoints: an election takes a second or two.
  private static let roundPauses = Duration.milliseconds(50)...Duration.milliseconds(400)
  /// How long one of several members is waited for in the first round; twice as long in each further one. What a member
  /// has passed on to a leader that is gone is lost, and the member doesn't notice.
  private static let patience = Duration.seconds(1)

  /// Asks until the deadline; one endpoint alone where `only` is given.
  ///
  /// `isRepeat`: an attempt before may have been done.
  func ask<Message: Wire.Answer>(
    _ call: Call, for message: Message.Type = Message.self, at only: EtcdEndpoint? = nil
  ) async throws(EtcdError) -> (message: Message, isRepeat: Bool) {
    let deadline = ContinuousClock.now + configuration.requestTimeout
    var trail = Trail(call.kind)
    var pause = Self.roundPauses.lowerBound
    var patience = Self.patience
    var mayRenew = true
    while true {
      let endpoints = only.map { [$0] } ?? order
      for (position, endpoint) in endpoints.enumerated() {
        let left = deadline - .now
        guard left > Self.leastTime else { throw trail.error }
        guard !state.withLock({ $0.isShutDown }) else { throw trail.mayBeDone ? trail.error : .cancelled }
        let share =
          ContinuousClock.now + (endpoints.count == 1 ? left : min(left / (endpoints.count - position), patience))
        let limits = Limits(
          connecting: share, sent: call.kind == .once ? deadline : share, answering: deadline + call.transferTime)
        let outcome: Outcome<Message> = await answer(to: call, at: endpoint, limits, &mayRenew)
        switch outcome {
        case .done(let message):
          noteSuccess(endpoint, call, wasChosen: only == nil)
          return (message, trail.mayBeDone)
        case .failed(let why, let mayBeDone):
          trail.note(endpoint, why, mayBeDone: mayBeDone)
          noteFailure(endpoint, why)
          if trail.mayBeDone && call.kind == .once { throw trail.error }
        case .final(let error):
          throw trail.error(error, at: endpoint)
        case .cancelled(let mayBeDone):
          trail.note(endpoint, "given up", mayBeDone: mayBeDone)
          throw trail.mayBeDone ? trail.error : .cancelled
        }
      }
      // One endpoint alone is asked to know whether it serves now.
      guard only == nil, deadline - .now > pause + Self.leastTime else { throw trail.error }
      do { try await Task.sleep(for: pause) } catch { throw trail.mayBeDone ? trail.error : .cancelled }
      pause = min(pause * 2, Self.roundPauses.upperBound)
      patience *= 2
    }
  }

  /// Asks one member, with a new token where it doesn't accept the old one.
  private func answer<Message: Wire.Answer>(
    to call: Call, at endpoint: EtcdEndpoint, _ limits: Limits, _ mayRenew: inout Bool
  ) async -> Outcome<Message> {
    while true {
      let token: String?
      switch await self.token(at: endpoint, limits) {
      case .done(let found): token = found
      case let other: return other.failure() ?? .failed("", mayBeDone: false)
      }
      switch await exchange(call, at: endpoint, token: token, limits) {
      case .done(let response):
        switch Self.read(response, of: call, as: Message.self) {
        case .success(let message): return .done(message)
        case .failure(let refusal):
          switch refusal.verdict {
          case .notServed(let why): return .failed(why, mayBeDone: false)
          case .doubtful(let why): return .failed(why, mayBeDone: true)
          case .final(let error): return .final(error)
          case .tokenRefused(let error):
            guard renounce(token), mayRenew else { return .final(error) }
            mayRenew = false
          }
        }
      case let other: return other.failure() ?? .failed("", mayBeDone: false)
      }
    }
  }

  private struct Refusal: Error { var verdict: Verdict }

  private static func read<Message: Wire.Answer>(
    _ response: Response, of call: Call, as _: Message.Type
  ) -> Result<Message, Refusal> {
    guard response.status == 200 else {
      return .failure(Refusal(verdict: Verdict(status: response.status, body: response.body, subject: call.subject)))
    }
    guard let message = Wire.decode(Message.self, response.body), message.failure != nil || message.isWhole else {
      return .failure(Refusal(verdict: .doubtful("its answer can't be read")))
    }
    if let failure = message.failure {
      return .failure(
        Refusal(
          verdict: Verdict(
            code: failure.grpc_code ?? failure.code, message: failure.message ?? "", subject: call.subject)))
    }
    return .success(message)
  }

  // MARK: Tokens

  /// Fetched at `endpoint` when there is none; nil: etcd needs none, or nobody is configured.
  func token(at endpoint: EtcdEndpoint, _ limits: Limits) async -> Outcome<String?> {
    guard let user = configuration.user else { return .done(nil) }
    let (known, isOpen) = state.withLock { ($0.token, $0.isOpen) }
    if known != nil || isOpen { return .done(known) }
    let call = Call(
      path: "auth/authenticate", body: Wire.encode(Wire.Authenticate(name: user.name, password: user.password)),
      kind: .read, subject: "authentication")
    switch await exchange(call, at: endpoint, token: nil, limits) {
    case .done(let response):
      switch Self.read(response, of: call, as: Wire.Authenticated.self) {
      case .success(let answer):
        state.withLock { $0.token = answer.token }
        return .done(answer.token)
      case .failure(let refusal):
        switch refusal.verdict {
        case .notServed(let why), .doubtful(let why): return .failed(why, mayBeDone: false)
        case .final(.refused(_, "authentication is not enabled")):
          state.withLock { $0.isOpen = true }
          return .done(nil)
        case .final(let error), .tokenRefused(let error): return .final(error)
        }
      }
    case let other:
      if case .failed(let why, _) = other { return .failed(why, mayBeDone: false) }
      if case .cancelled = other { return .cancelled(mayBeDone: false) }
      return other.failure() ?? .failed("", mayBeDone: false)
    }
  }

  /// `token` isn't accepted; false: nobody is configured who could have another.
  func renounce(_ token: String?) -> Bool {
    guard configuration.user != nil else { return false }
    state.withLock { state in
      state.isOpen = false
      // Another request may have fetched a new one meanwhile.
      if state.token == token { state.token = nil }
    }
    return true
  }
}
