import Glibc

/// The ledger's file, made for its owner alone before SQLite opens it.
///
/// SQLite gives the files beside it (`-wal`, `-shm`) the same rights.
enum LedgerFile {
  /// Makes the folder (0700, its parents too) and an empty file (0600) where they are missing; what exists stays.
  static func create(_ path: String) throws(LedgerError) {
    let parents = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    for end in parents.indices.dropFirst() {
      let folder = parents[...end].joined(separator: "/")
      guard mkdir(folder, 0o700) == 0 || errno == EEXIST || errno == EISDIR else { throw failure(path, folder) }
    }
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure(path, path) }
    close(descriptor)
  }

  private static func failure(_ path: String, _ subject: String) -> LedgerError {
    let cause = errno
    return LedgerError(
      code: .unavailable, operation: "open", path: path, rawCode: cause,
      detail: "\(subject): \(String(cString: strerror(cause)))")
  }
}
