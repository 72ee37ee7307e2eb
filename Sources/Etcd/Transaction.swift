/// Operations that are done whole, at one revision, depending on what the store holds.
///
/// A member takes at most 128 compares, and as many operations a branch, unless it is told otherwise
/// (`--max-txn-ops`), and no key that is put twice.
public struct Transaction: Hashable, Sendable {
  /// All have to hold for `success`; none: they hold.
  public var compares: [Compare]
  public var success: [Operation]
  public var failure: [Operation]

  public init(if compares: [Compare] = [], then success: [Operation], else failure: [Operation] = []) {
    self.compares = compares
    self.success = success
    self.failure = failure
  }

  /// Makes a key that isn't there, or reads the one that is.
  public static func create(_ key: ByteString, _ value: ByteString, lease: Int64? = nil) -> Transaction {
    Transaction(
      if: [.isAbsent(.key(key))], then: [.put(key, value, lease: lease)], else: [.range(.key(key))])
  }

  /// What has to hold for each key of a range.
  ///
  /// Of a range without keys: as of a key whose revisions, version and lease are 0; a comparison with a value fails.
  public struct Compare: Hashable, Sendable {
    public enum Target: Hashable, Sendable {
      case value(ByteString)
      case version(Int64)
      case createRevision(Int64)
      case modRevision(Int64)
      case lease(Int64)
    }

    public enum Relation: String, Hashable, Sendable {
      case equal = "EQUAL"
      case notEqual = "NOT_EQUAL"
      case less = "LESS"
      case greater = "GREATER"
    }

    public var range: KeyRange
    /// Of what the store has to what `target` has.
    public var relation: Relation
    public var target: Target

    public init(_ range: KeyRange, _ relation: Relation, _ target: Target) {
      self.range = range
      self.relation = relation
      self.target = target
    }

    /// There is no key in the range.
    public static func isAbsent(_ range: KeyRange) -> Compare { Compare(range, .equal, .createRevision(0)) }

    /// There is a key in the range.
    public static func isPresent(_ range: KeyRange) -> Compare { Compare(range, .greater, .createRevision(0)) }

    /// The key is there as `revision` has left it.
    public static func isUnchanged(_ key: ByteString, since revision: Int64) -> Compare {
      Compare(.key(key), .equal, .modRevision(revision))
    }
  }

  public enum Operation: Hashable, Sendable {
    case put(ByteString, ByteString, lease: Int64? = nil, returnsPrevious: Bool = false)
    case delete(KeyRange, returnsPrevious: Bool = false)
    case range(KeyRange, limit: Int? = nil, keysOnly: Bool = false)
  }
}

/// What became of a transaction.
public struct TransactionResult: Hashable, Sendable {
  public enum Response: Hashable, Sendable {
    /// What the key had; nil: nothing, or it wasn't asked for.
    case put(previous: Entry?)
    /// `previous`: empty where it wasn't asked for.
    case delete(count: Int, previous: [Entry])
    case range(RangeResult)
  }

  /// Whether the compares held.
  public var succeeded: Bool
  /// The store's revision afterwards: of the changes, where there were any.
  public var revision: Int64
  /// One an operation of the branch that was done, in their order.
  public var responses: [Response]
  /// Whether an attempt before this one may have been done too: a compare may then have failed because of it.
  public var isRepeat: Bool

  /// What the ranges among the operations had.
  public var entries: [Entry] {
    responses.flatMap { response -> [Entry] in
      if case .range(let result) = response { result.entries } else { [] }
    }
  }
}
