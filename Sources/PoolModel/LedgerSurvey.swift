/// What is in a ledger's file, as `vfpool ledger … --json` prints it.
public struct LedgerSurvey: Codable, Hashable, Sendable {
  public var path: String
  /// Of the database and its log together.
  public var bytes: Int64
  /// What is wrong, in words; empty = it is whole.
  public var faults: [String]
  /// Rows by table; of tables that can be counted.
  public var rows: [String: Int]
  /// Where the file that was there before has been put; nil: there was none, or it stays.
  public var aside: String?
  /// Of each table of which something could not be taken over, how many rows at least.
  public var lost: [String: Int]?

  public init(
    path: String, bytes: Int64, faults: [String], rows: [String: Int], aside: String? = nil, lost: [String: Int]? = nil
  ) {
    self.path = path
    self.bytes = bytes
    self.faults = faults
    self.rows = rows
    self.aside = aside
    self.lost = lost
  }
}
