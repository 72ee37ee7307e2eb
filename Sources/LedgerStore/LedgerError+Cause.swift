import GRDB
import PoolModel

extension LedgerError {
  /// What `cause` means for the ledger at `path`.
  init(_ operation: String, path: String, cause: any Error) {
    switch cause {
    case let error as LedgerError: self = error
    case let error as TypedRow.Malformed:
      self.init(code: .damaged, operation: operation, path: path, detail: error.detail)
    case let error as LedgerChange.Contradiction:
      self.init(code: .refused, operation: operation, path: path, detail: error.detail)
    case let error as DatabaseError:
      let code: Code =
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_MISMATCH: .damaged
        case .SQLITE_CONSTRAINT: .refused
        case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_FULL, .SQLITE_IOERR: .unavailable
        default: .failed
        }
      self.init(
        code: code, operation: operation, path: path, rawCode: error.extendedResultCode.rawValue,
        detail: error.message ?? error.resultCode.description)
    default: self.init(code: .failed, operation: operation, path: path, detail: String(describing: cause))
    }
  }
}
