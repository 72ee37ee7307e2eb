/// What has happened since vfpoold started, counted.
public struct Tally: Hashable, Sendable {
  public struct Refusals: Hashable, Sendable {
    public var pool: String
    public var reason: RefusalReason
  }

  public struct Ends: Hashable, Sendable {
    public var pool: String
    public var outcome: String
  }

  public internal(set) var refusals: [Refusals: Int] = [:]
  public internal(set) var leasesEnded: [Ends: Int] = [:]
  /// By `Drift.kind`: repaired.
  public internal(set) var drifts: [String: Int] = [:]
  /// What reconciling could not repair, each time.
  public internal(set) var repairFailures = 0
  /// By PF.
  public internal(set) var quarantines: [String: Int] = [:]
}
