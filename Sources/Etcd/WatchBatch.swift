/// What changed of one range, one or more revisions whole.
public struct WatchBatch: Hashable, Sendable {
  /// The last revision of these.
  public var revision: Int64
  /// In their order; never empty.
  public var events: [WatchEvent]
}

/// One change of one key.
public enum WatchEvent: Hashable, Sendable {
  /// `previous`: what the key had; nil: nothing, or etcd has forgotten it.
  case put(Entry, previous: Entry?)
  /// By a delete or a lease's end, at `revision`.
  case delete(ByteString, revision: Int64, previous: Entry?)

  public var key: ByteString {
    switch self {
    case .put(let entry, _): entry.key
    case .delete(let key, _, _): key
    }
  }

  public var revision: Int64 {
    switch self {
    case .put(let entry, _): entry.modRevision
    case .delete(_, let revision, _): revision
    }
  }
}

/// How the changes of several ranges come.
public enum WatchOrder: Hashable, Sendable {
  /// In the order of the revisions, all of a revision in one batch. etcd sends also what changes between the ranges,
  /// which is dropped here.
  case total
  /// Each range in its own order, a batch a range; etcd sends nothing else.
  case perRange
}
