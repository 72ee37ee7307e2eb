import Glibc
import PoolModel

/// A failed system call.
package struct Errno: Error {
  package var code: Int32

  /// The thing isn't there, or went away while it was looked at: devices may leave at any time.
  package var meansAbsent: Bool { [ENOENT, ENODEV, ENXIO, ENOTDIR].contains(code) }

  package var text: String { strerror(code).map { String(cString: $0).lowercased() } ?? "error \(code)" }

  package static var last: Errno { Errno(code: errno) }
}

/// Small files, links and folders by path. Blocking.
package enum FileAccess {
  /// The whole content as text.
  package static func read(_ path: String) throws(Errno) -> String {
    String(decoding: try bytes(path), as: UTF8.self)
  }

  /// The whole content.
  package static func bytes(_ path: String) throws(Errno) -> [UInt8] {
    let file = try open(path, O_RDONLY)
    defer { close(file) }
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = try retrying { Glibc.read(file, &buffer, buffer.count) }
      if count == 0 { return content }
      content += buffer[..<count]
    }
  }

  /// Writes into a file that is there, in one system call, as sysfs wants it.
  static func write(_ text: String, to path: String) throws(Errno) {
    let file = try open(path, O_WRONLY | O_TRUNC)
    defer { close(file) }
    let bytes = Array(text.utf8)
    _ = try retrying { Glibc.write(file, bytes, bytes.count) }
  }

  /// Puts `text` in place of the file at `path`: after a crash either the old or the new content is there, whole.
  static func replace(_ path: String, with text: String) throws(Errno) {
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) + "/" } ?? "."
    let temporary = path + ".new"
    let file = try open(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
    do throws(Errno) {
      defer { close(file) }
      var rest = Array(text.utf8)[...]
      while !rest.isEmpty {
        let count = try retrying { rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) } }
        rest = rest.dropFirst(count)
      }
      _ = try retrying { Int(fsync(file)) }
      _ = try retrying { Int(rename(temporary, path)) }
    } catch {
      unlink(temporary)
      throw error
    }
    // The new name is durable only with the folder.
    let folder = try open(directory, O_RDONLY | O_DIRECTORY)
    defer { close(folder) }
    _ = try retrying { Int(fsync(folder)) }
  }

  /// Calls `body` with the whole content, which is no memory of ours: the kernel's own pages are looked at and let go.
  static func withMapped<Result>(
    _ path: String, _ body: (UnsafeRawBufferPointer) -> Result
  ) throws(Errno) -> Result {
    let file = try open(path, O_RDONLY)
    defer { close(file) }
    var status = stat()
    _ = try retrying { Int(fstat(file, &status)) }
    let length = Int(status.st_size)
    guard length > 0 else { return body(UnsafeRawBufferPointer(start: nil, count: 0)) }
    guard let start = mmap(nil, length, PROT_READ, MAP_PRIVATE, file, 0), start != MAP_FAILED else { throw .last }
    defer { munmap(start, length) }
    return body(UnsafeRawBufferPointer(start: start, count: length))
  }

  /// What a symbolic link points to, as it stands there.
  package static func linkTarget(_ path: String) throws(Errno) -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = try retrying { readlink(path, &buffer, buffer.count) }
    return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// The last part of what a symbolic link points to.
  package static func linkName(_ path: String) throws(Errno) -> String {
    let target = try linkTarget(path)
    return target.split(separator: "/").last.map(String.init) ?? target
  }

  /// The names in a folder, sorted, without `.` and `..`.
  package static func names(in path: String) throws(Errno) -> [String] {
    guard let folder = opendir(path) else { throw .last }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  private static func open(_ path: String, _ flags: Int32, mode: mode_t = 0) throws(Errno) -> Int32 {
    Int32(try retrying { Int(Glibc.open(path, flags | O_CLOEXEC, mode)) })
  }

  private static func retrying(_ call: () -> Int) throws(Errno) -> Int {
    while true {
      let result = call()
      if result >= 0 { return result }
      if errno != EINTR { throw .last }
    }
  }
}

extension Timestamp {
  /// A time of a file, as `stat` tells it.
  package init(_ time: timespec) {
    self.init(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }
}
