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

  /// The first `count` bytes, or all if there are fewer.
  func head(_ path: String, _ count: Int) -> Reading<[UInt8]> {
    let file = open(root + path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return Self.failure() }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: count)
    let got = read(file, &bytes, count)
    return got < 0 ? Self.failure() : .found(Array(bytes[..<got]))
  }

  func status(_ path: String) -> Reading<stat> {
    var status = stat()
    return stat(root + path, &status) == 0 ? .found(status) : Self.failure()
  }

  /// The file system that has a file or folder.
  func space(at path: String) -> Reading<FileSystemSpace> {
    var found = statvfs()
    guard statvfs(root + path, &found) == 0 else { return Self.failure() }
    return .found(
      FileSystemSpace(
        // vfpoold is root, who may also use what is kept back for root.
        freeBytes: UInt64(found.f_bfree) * UInt64(found.f_frsize),
        freeFiles: found.f_files == 0 ? nil : UInt64(found.f_ffree), isReadOnly: found.f_flag & UInt(ST_RDONLY) != 0))
  }

  private static func failure<Value>() -> Reading<Value> {
    let error = Errno.last
    return error.meansAbsent ? .absent : .unreadable(error.text)
  }

  func exists(_ path: String) -> Bool { FileAccess.exists(root + path) }

  func isExecutable(_ path: String) -> Bool { access(root + path, X_OK) == 0 }

  /// The names in a folder, sorted; nil when there is no such folder, or it can't be read.
  func names(in path: String) -> [String]? { try? FileAccess.names(in: root + path) }

  /// The same, where it matters why there are none.
  func list(_ path: String) -> Reading<[String]> {
    do throws(Errno) {
      return .found(try FileAccess.names(in: root + path))
    } catch {
      return error.meansAbsent ? .absent : .unreadable(error.text)
    }
  }

  /// When a file's content was last changed.
  func modified(_ path: String) -> Timestamp? {
    var status = stat()
    guard stat(root + path, &status) == 0 else { return nil }
    return Timestamp(status.st_mtim)
  }
}

/// What room a file system has.
struct FileSystemSpace: Hashable, Sendable {
  var freeBytes: UInt64
  /// How many more files there can be; nil = as many as there is room for.
  var freeFiles: UInt64?
  var isReadOnly: Bool
}
