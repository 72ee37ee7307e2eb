import Glibc
import Sysfs

/// Reads files below a root folder, and collects what is wrong with them, in words.
struct ConfigReader {
  /// Longer files are no configuration.
  private static let longest = 1 << 20

  let root: String
  var problems: [String] = []

  init(root: String) { self.root = root }

  /// Nil when there is no such text file: also for folders, devices and binary data. One that can't be read, or is too
  /// long, is a problem.
  mutating func file(_ path: String) -> TextFile? {
    // Opening a FIFO would wait for its other end.
    let file = open(root + path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard file >= 0 else {
      tell(path, .last)
      return nil
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else {
      tell(path, .last)
      return nil
    }
    if status.st_mode & S_IFMT == S_IFCHR { return TextFile(path: path, text: "") }
    guard status.st_mode & S_IFMT == S_IFREG else { return nil }
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(file, &buffer, buffer.count)
      if count == 0 { break }
      if count < 0 {
        if errno == EINTR { continue }
        tell(path, .last)
        return nil
      }
      if buffer[..<count].contains(0) { return nil }
      content += buffer[..<count]
      if content.count > Self.longest {
        problems.append("\(path) is longer than 1 MiB and wasn't read")
        return nil
      }
    }
    return TextFile(path: path, text: String(decoding: content, as: UTF8.self))
  }

  /// The names in a folder, sorted; none when there is no such folder.
  mutating func names(in path: String) -> [String] {
    do throws(Errno) {
      return try FileAccess.names(in: root + path)
    } catch {
      tell(path, error)
      return []
    }
  }

  /// The files of several folders whose names end in `suffix`, ordered by name. A file takes the place of those with
  /// its name in the folders behind its own: also an empty one, or a link to `/dev/null`, which both come as empty.
  mutating func files(in folders: [String], suffix: String) -> [TextFile] {
    var paths: [String: String] = [:]
    for folder in folders {
      for name in names(in: folder) where name.hasSuffix(suffix) && !name.hasPrefix(".") && paths[name] == nil {
        paths[name] = "\(folder)/\(name)"
      }
    }
    return paths.sorted { $0.key < $1.key }.compactMap { file($0.value) }
  }

  /// A file of systemd's with its drop-ins; `folders`: where such files are.
  mutating func withDropIns(_ file: TextFile, in folders: [String]) -> SectionedFile {
    SectionedFile([file] + files(in: folders.map { "\($0)/\(file.name).d" }, suffix: ".conf"))
  }

  /// Whether a path is a link to `/dev/null`.
  func isMask(_ path: String) -> Bool { (try? FileAccess.linkTarget(root + path)) == "/dev/null" }

  private mutating func tell(_ path: String, _ error: Errno) {
    // A link that leads nowhere is as good as none.
    if error.code == ENOENT || error.code == ENOTDIR { return }
    problems.append("cannot read \(path): \(error.text)")
  }
}

extension String {
  /// The places of a folder that configuration has several times, in their rank: the admin's, the one until the next
  /// boot, the host's own, the vendor's. `tail`: `systemd/network`.
  static func folders(_ tail: String) -> [String] {
    ["/etc/", "/run/", "/usr/local/lib/", "/usr/lib/", "/lib/"].map { $0 + tail }
  }
}
