/// The store that a fleet's hosts share: keys and values in one order of revisions, transactions, leases whose keys go with
/// them. etcd is one; keys and values are text.
public protocol FleetStore: Sendable {
  /// All entries whose keys begin with `prefix`, as of one revision.
  func entries(under prefix: String) async throws(FleetStoreError) -> FleetReading
  /// Does `then` if all conditions hold, else `otherwise`; either is done whole.
  func commit(_ transaction: FleetTransaction) async throws(FleetStoreError) -> FleetAnswer
  /// A lease that ends when it isn't kept alive for so long.
  func grantLease(seconds: Int) async throws(FleetStoreError) -> Int64
  /// False: it has ended.
  func keepAlive(lease: Int64) async throws(FleetStoreError) -> Bool
  /// Ends a lease and deletes its keys; no error when it has ended already.
  func revoke(lease: Int64) async throws(FleetStoreError)
  /// What changes under the prefixes after a revision; under each prefix in order, each revision's changes at once. Goes on
  /// over breaks by itself; fails with `.compacted` when too much was missed.
  func changes(under prefixes: [String], after revision: Int64) -> AsyncThrowingStream<[FleetStoreChange], any Error>
  /// The store's own servers, as far as they answer.
  func members() async -> [FleetMember]
}

public struct FleetEntry: Hashable, Sendable {
  public var key: String
  public var value: String
  /// The revision that last changed it.
  public var modified: Int64
  /// The lease that it goes with; nil = it stays.
  public var lease: Int64?

  public init(key: String, value: String, modified: Int64, lease: Int64? = nil) {
    self.key = key
    self.value = value
    self.modified = modified
    self.lease = lease
  }
}

public struct FleetReading: Hashable, Sendable {
  public var entries: [FleetEntry]
  public var revision: Int64

  public init(entries: [FleetEntry], revision: Int64) {
    self.entries = entries
    self.revision = revision
  }
}

public struct FleetTransaction: Hashable, Sendable {
  public enum Condition: Hashable, Sendable {
    case absent(String)
    case noneUnder(String)
    /// Nothing has changed the key since this revision changed it.
    case unchanged(String, since: Int64)
  }

  public enum Step: Hashable, Sendable {
    case put(String, String, lease: Int64? = nil)
    case delete(String)
    case read(String)
    case readAll(under: String)
  }

  public var conditions: [Condition]
  public var then: [Step]
  public var otherwise: [Step]

  public init(if conditions: [Condition] = [], then: [Step], else otherwise: [Step] = []) {
    self.conditions = conditions
    self.then = then
    self.otherwise = otherwise
  }
}

public struct FleetAnswer: Hashable, Sendable {
  /// Whether the conditions held.
  public var isDone: Bool
  public var revision: Int64
  /// What the steps read, in their order.
  public var read: [FleetEntry]

  public init(isDone: Bool, revision: Int64, read: [FleetEntry]) {
    self.isDone = isDone
    self.revision = revision
    self.read = read
  }
}

public enum FleetStoreChange: Hashable, Sendable {
  case put(FleetEntry)
  /// `value`: what it was, where that is known.
  case delete(key: String, value: String?, revision: Int64)

  public var key: String {
    switch self {
    case .put(let entry): entry.key
    case .delete(let key, _, _): key
    }
  }
}

/// One of the store's own servers.
public struct FleetMember: Hashable, Sendable {
  public var endpoint: String
  public var version: String?
  public var isLeader: Bool
  /// Of its database.
  public var bytes: Int64?
  /// In words; nil = it serves.
  public var problem: String?

  public init(endpoint: String, version: String?, isLeader: Bool, bytes: Int64?, problem: String?) {
    self.endpoint = endpoint
    self.version = version
    self.isLeader = isLeader
    self.bytes = bytes
    self.problem = problem
  }
}

public enum FleetStoreError: Error, Hashable, Sendable {
  /// Nothing was done.
  case unreachable(String)
  /// It may have been done, or not.
  case uncertain(String)
  /// The store takes nothing more until somebody makes room.
  case full(String)
  /// Credentials, rights, or what only an admin can mend.
  case refused(String)
  case leaseEnded
  /// The store doesn't know the changes after that revision any more.
  case compacted
}

extension FleetStoreError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreachable(let why), .uncertain(let why), .full(let why), .refused(let why): why
    case .leaseEnded: "the lease has ended"
    case .compacted: "too much has changed meanwhile"
    }
  }
}
