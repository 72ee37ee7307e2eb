/// How much of what is over the ledger keeps.
public struct Retention: Hashable, Sendable {
  /// Calendar months since its end.
  public var months: Int
  /// The newest so many.
  public var entries: Int

  public init(months: Int = 13, entries: Int = 1_000_000) {
    self.months = months
    self.entries = entries
  }
}
