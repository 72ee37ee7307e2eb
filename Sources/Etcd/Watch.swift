/// The changes of some ranges after a revision, without loss or repetition, on whichever member.
///
/// It bridges a break by itself, from where it has come to, however long that takes. For one reader. It ends when the
/// reading task is cancelled, when neither it nor an iterator of it is held any more, when the client shuts down, and
/// with an error that it can't bridge: `.compacted` and `.restored`, after which everything has to be read anew;
/// `.permissionDenied`, `.unauthorized`, `.tooLarge`, `.refused`.
public final class Watch: AsyncSequence, Sendable {
  public typealias Element = WatchBatch
  public typealias Failure = EtcdError

  public enum Connection: Hashable, Sendable {
    case connected(EtcdEndpoint)
    /// In words why.
    case away(String)
  }

  private let session: WatchSession

  init(_ session: WatchSession) { self.session = session }

  deinit { session.cancel() }

  /// Whether what changes now comes.
  public var connection: Connection { session.connection }

  public func cancel() { session.cancel() }

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(watch: self) }

  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let watch: Watch

    public mutating func next(
      isolation actor: isolated (any Actor)? = #isolation
    ) async throws(EtcdError) -> WatchBatch? {
      try await watch.session.next()
    }

    public mutating func next() async throws(EtcdError) -> WatchBatch? { try await watch.session.next() }
  }
}

extension EtcdClient {
  /// Begins to watch at least one range; `revision` is the one at which it was read.
  ///
  /// Costs etcd a request a `watchProbeInterval` in which the member has done nothing else for this client.
  public func watch(_ ranges: [KeyRange], after revision: Int64, order: WatchOrder = .total) -> Watch {
    precondition(!ranges.isEmpty)
    let session = WatchSession(self, WatchReader(ranges, after: revision, order: order))
    session.start()
    return Watch(session)
  }
}
