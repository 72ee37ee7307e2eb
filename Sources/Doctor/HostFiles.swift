import Glibc
import PoolModel
import Sysfs

/// What came of reading a file.
enum Reading<Value> {
  case found(Value)
  case absent
  /// With the reason in words: `permission denied`.
  case unreadable(String)

  var value: Value? { if case .found(let value) = self { value } else { nil } }
}

/// The host's files, below a root folder.
struct HostFiles: Sendable {
  /// Without a slash at its end.
  let root: String

  init(root: String) { self.root = root.hasSuffix("/") ? String(root.dropLast()) : root }

  func bytes(_ path: String) -> Reading<[UInt8]> {
    do throws(Errno) {
      return .found(try FileAccess.bytes(root + path))
    } catch {
      return error.meansAbsent ? .absent : .unreadable(error.text)
    }
  }

  /// Without white space around it; nil when there is no such file, or it can't be read.
  func text(_ path: String) -> String? { bytes(path).value.map { String(decoding: $0, as: UTF8.self).trimmed } }

  func exists(_ path: String) -> Bool { FileAccess.exists(root + path) }

  func isExecutable(_ path: String) -> Bool { access(root + path, X_OK) == 0 }

  /// The names in a folder, sorted; nil when there is no such folder, or it can't be read.
  func names(in path: String) -> [String]? { try? FileAccess.names(in: root + path) }

  /// When a file's content was last changed.
  func modified(_ path: String) -> Timestamp? {
    var status = stat()
    guard stat(root + path, &status) == 0 else { return nil }
    return Timestamp(status.st_mtim)
  }
}
