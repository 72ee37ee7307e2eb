/// Why etcd didn't do what it was asked.
public enum EtcdError: Error, Hashable, Sendable {
  /// Why one endpoint didn't answer.
  public struct Attempt: Hashable, Sendable {
    public var endpoint: EtcdEndpoint
    /// In words.
    public var detail: String
  }

  /// No member could be asked, or none could serve; nothing was done. The last attempt on each endpoint.
  case unreachable([Attempt])
  /// A member was asked to change something and what became of it isn't known: it may have been done, and a member that
  /// stood still may do it yet.
  case uncertain([Attempt])
  /// The database has reached its quota (`--quota-backend-bytes`).
  case noSpace
  /// Wrong user or password, or none where etcd wants them; in words.
  case unauthorized(String)
  /// The user may not read or change this.
  case permissionDenied(String)
  /// The revision that was asked for is forgotten; with the oldest that isn't, where etcd tells.
  case compacted(Int64?)
  /// The store isn't the one that the watch has followed so far: its revisions went back, or it is another cluster.
  case restored
  /// The lease has ended, or never was.
  case leaseGone
  /// The request or its answer is larger than what is taken; in words.
  case tooLarge(String)
  /// Any other reason that etcd gave, with its gRPC code.
  case refused(code: Int, message: String)
  /// The configuration can't be used; in words.
  case misconfigured(String)
  /// The task was cancelled, or the client shut down; nothing was done.
  case cancelled
}

extension EtcdError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreachable(let attempts):
      "no etcd member can be reached: \(Self.words(attempts))"
    case .uncertain(let attempts):
      "etcd may or may not have done what it was asked: \(Self.words(attempts))"
    case .noSpace:
      "etcd's database is full: compact and defragment it or raise --quota-backend-bytes, then etcdctl alarm disarm"
    case .unauthorized(let why):
      why
    case .permissionDenied(let what):
      "etcd's user has no permission for \(what): see to its roles (etcdctl role grant-permission)"
    case .compacted(let revision):
      "etcd has forgotten what was asked for" + (revision.map { ": its history begins at revision \($0)" } ?? "")
    case .restored:
      "etcd is another than before: restored from a snapshot, or made anew"
    case .leaseGone:
      "the lease in etcd has ended"
    case .tooLarge(let what):
      "too large for etcd: \(what)"
    case .refused(let code, let message):
      "etcd refused: \(message) (gRPC code \(code))"
    case .misconfigured(let why):
      why
    case .cancelled:
      "given up before etcd was asked"
    }
  }

  private static func words(_ attempts: [Attempt]) -> String {
    attempts.map { "\($0.endpoint): \($0.detail)" }.joined(separator: "; ")
  }
}
