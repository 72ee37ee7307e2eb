/// Why the ledger can't be opened, read or written.
public struct LedgerError: Error, Hashable, Sendable {
  public enum Code: String, Hashable, Sendable {
    /// The file or its folder can't be made, opened or written.
    case unavailable
    /// The file isn't a ledger, or what stands in it makes no sense.
    case damaged
    /// A newer vfpool has written it.
    case newerVersion
    /// The change contradicts what the ledger holds; nothing of its transaction was done.
    case refused
    /// SQLite failed for another reason; nothing of the transaction was done.
    case failed
  }

  public var code: Code
  /// What was being done, in words: `open`, `load`, `commit` …
  public var operation: String
  /// The ledger's file.
  public var path: String
  /// SQLite's extended result code, or the C library's error number for the file itself; 0 where neither is behind it.
  public var rawCode: Int32
  /// What was wrong, in words.
  public var detail: String

  public init(code: Code, operation: String, path: String, rawCode: Int32 = 0, detail: String) {
    self.code = code
    self.operation = operation
    self.path = path
    self.rawCode = rawCode
    self.detail = detail
  }
}

extension LedgerError: CustomStringConvertible {
  public var description: String {
    switch code {
    case .unavailable:
      "can't \(operation) the ledger \(path): \(detail); see to its folder's rights and space"
    case .damaged:
      "the ledger \(path) is damaged (\(detail)): put a backup in its place (vfpool ledger restore FILE), or make a new one "
        + "of what can still be read (vfpool ledger rebuild)"
    case .newerVersion:
      "the ledger \(path) was made by a newer vfpool (\(detail)): install that version again, put a backup in its "
        + "place (vfpool ledger restore FILE), or make a new one of what can be read (vfpool ledger rebuild)"
    case .refused:
      "the ledger \(path) refused a change, nothing of it was done: \(detail)"
    case .failed:
      "can't \(operation) the ledger \(path): \(detail)"
    }
  }
}
