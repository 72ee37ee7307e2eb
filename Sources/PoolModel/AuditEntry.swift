/// A change that somebody asked of vfpoold.
public struct AuditEntry: Hashable, Sendable, Identifiable {
  /// The ledger's number; grows.
  public var id: Int64
  public var time: Timestamp
  /// Of the process that asked, as it was when it connected; nil = unknown.
  public var uid: UInt32?
  /// The name of `uid`; nil where it has none.
  public var user: String?
  public var pid: Int32?
  /// Method and route: `POST /v1/pools/apply`.
  public var operation: String
  /// What the request names, decoded: `pool=p ifPlan=…`.
  public var object: String
  /// The request's body, or its beginning.
  public var body: String?
  /// `done`, or why not, in words; nil = it goes on, or vfpoold ended meanwhile.
  public var outcome: String?
  public var until: Timestamp?

  public init(
    id: Int64 = 0, time: Timestamp, uid: UInt32?, user: String?, pid: Int32?, operation: String, object: String,
    body: String? = nil, outcome: String? = nil, until: Timestamp? = nil
  ) {
    self.id = id
    self.time = time
    self.uid = uid
    self.user = user
    self.pid = pid
    self.operation = operation
    self.object = object
    self.body = body
    self.outcome = outcome
    self.until = until
  }
}

/// Which entries of the audit to read; nil = any.
public struct AuditFilter: Hashable, Sendable {
  /// Not older.
  public var since: Timestamp?
  /// Name or number.
  public var user: String?
  /// The newest so many.
  public var limit: Int

  public init(since: Timestamp? = nil, user: String? = nil, limit: Int = 1000) {
    self.since = since
    self.user = user
    self.limit = limit
  }
}
