import Glibc
import Sysfs

/// A folder that looks like a host's root; gone when the last reference is.
public final class FakeHost {
  public let root: String

  /// A system call that failed.
  public struct Failure: Error {
    public var path: String
    public var errno: Int32
  }

  public init() throws {
    var name = Array("/tmp/vfpool-host-XXXXXX".utf8CString)
    guard let made = mkdtemp(&name) else { throw Failure(path: "/tmp", errno: errno) }
    root = String(cString: made)
  }

  public convenience init(_ files: KeyValuePairs<String, String>) throws {
    try self.init()
    for (path, content) in files { try file(path, content) }
  }

  deinit { Self.remove(root) }

  public func file(_ path: String, _ content: String, mode: mode_t = 0o644) throws {
    try file(path, bytes: Array(content.utf8))
    chmod(root + path, mode)
  }

  public func file(_ path: String, bytes: [UInt8]) throws {
    try folder(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
    guard let file = fopen(root + path, "w") else { throw Failure(path: path, errno: errno) }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }

  public func folder(_ path: String) throws {
    var made = root
    for part in path.split(separator: "/") {
      made += "/" + part
      if mkdir(made, 0o755) != 0, errno != EEXIST { throw Failure(path: path, errno: errno) }
    }
  }

  public func link(_ path: String, to target: String) throws {
    try folder(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
    guard symlink(target, root + path) == 0 else { throw Failure(path: path, errno: errno) }
  }

  /// Removes a file, or a folder with all that is in it.
  public func remove(_ path: String) { Self.remove(root + path) }

  private static func remove(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      for name in (try? FileAccess.names(in: path)) ?? [] { remove("\(path)/\(name)") }
      rmdir(path)
    } else {
      unlink(path)
    }
  }
}
