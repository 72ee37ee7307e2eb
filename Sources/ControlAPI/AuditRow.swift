import PoolModel

/// A change that somebody asked for, as `vfpool audit list --json` prints it.
public struct AuditRow: Codable, Hashable, Sendable {
  public var id: Int64
  public var time: Timestamp
  /// Of the process that asked; null = unknown.
  @OrNull public var uid: UInt32?
  @OrNull public var user: String?
  @OrNull public var pid: Int32?
  /// Method and route: `POST /v1/pools/apply`.
  public var operation: String
  /// What the request names: `pool=p`.
  public var object: String
  /// The request's body, or its beginning.
  @OrNull public var body: String?
  /// `done`, or why not; null: it goes on, or vfpoold ended meanwhile.
  @OrNull public var outcome: String?
  @OrNull public var until: Timestamp?

  public init(_ entry: AuditEntry) {
    id = entry.id
    time = entry.time
    operation = entry.operation
    object = entry.object
    _uid = OrNull(wrappedValue: entry.uid)
    _user = OrNull(wrappedValue: entry.user)
    _pid = OrNull(wrappedValue: entry.pid)
    _body = OrNull(wrappedValue: entry.body)
    _outcome = OrNull(wrappedValue: entry.outcome)
    _until = OrNull(wrappedValue: entry.until)
  }
}
