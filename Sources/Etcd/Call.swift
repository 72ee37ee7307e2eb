/// One request, to whichever member does it.
struct Call: Sendable {
  enum Kind: Hashable, Sendable {
    /// Changes nothing.
    case read
    /// Done twice is as done once, and the answer then tells the same.
    case idempotent
    /// May be done twice, but what the second attempt finds may be the first one's work.
    case repeatable
    /// Is not done again when it may have been done.
    case once
  }

  /// Behind `/v3/`.
  var path: String
  var body: [UInt8]
  var kind: Kind
  /// What it reads or changes, in words.
  var subject: String
  /// How much longer than the request's deadline an answer that has begun may take.
  var transferTime = Duration.zero
  /// Whether a member that is cut off from the others can't answer it.
  var needsMajority = true
}

/// What came of asking one member.
enum Outcome<Value: Sendable>: Sendable {
  case done(Value)
  /// In words why not; another member may do it.
  case failed(String, mayBeDone: Bool)
  /// Nothing was done.
  case final(EtcdError)
  case cancelled(mayBeDone: Bool)

  /// What is no success, for another value.
  func failure<Other>(as _: Other.Type = Other.self) -> Outcome<Other>? {
    switch self {
    case .done: nil
    case .failed(let why, let mayBeDone): .failed(why, mayBeDone: mayBeDone)
    case .final(let error): .final(error)
    case .cancelled(let mayBeDone): .cancelled(mayBeDone: mayBeDone)
    }
  }
}

/// What came of a request's attempts so far.
struct Trail {
  let kind: Call.Kind
  private(set) var attempts: [EtcdError.Attempt] = []
  private(set) var mayBeDone = false

  init(_ kind: Call.Kind) { self.kind = kind }

  mutating func note(_ endpoint: EtcdEndpoint, _ why: String, mayBeDone: Bool) {
    attempts.removeAll { $0.endpoint == endpoint }
    attempts.append(.init(endpoint: endpoint, detail: why))
    self.mayBeDone = self.mayBeDone || (mayBeDone && kind != .read)
  }

  /// As what the request fails when no member is asked any more.
  var error: EtcdError { mayBeDone ? .uncertain(attempts) : .unreachable(attempts) }

  /// As what it fails when a member has given a reason that every member would give.
  func error(_ final: EtcdError, at endpoint: EtcdEndpoint) -> EtcdError {
    mayBeDone && kind != .idempotent
      ? .uncertain(attempts + [.init(endpoint: endpoint, detail: "\(final)")]) : final
  }
}
