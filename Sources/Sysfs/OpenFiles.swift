import Glibc

/// Which processes have files open.
public enum OpenFiles {
  /// The processes that have one of `paths` open, by path: `qemu-system-x86 (process 4711)`.
  ///
  /// All of procfs is walked: a system call for each open file of the host. Processes that end meanwhile, or that this
  /// one may not look into, are left out.
  public static func users(of paths: Set<String>, procRoot: String = "/proc") -> [String: [String]] {
    guard !paths.isEmpty, let processes = try? FileAccess.names(in: procRoot) else { return [:] }
    var users: [String: [String]] = [:]
    for process in processes where process.allSatisfy(\.isNumber) {
      let folder = "\(procRoot)/\(process)"
      var hit: Set<String> = []
      for descriptor in (try? FileAccess.names(in: folder + "/fd")) ?? [] {
        guard let target = try? FileAccess.linkTarget("\(folder)/fd/\(descriptor)"), paths.contains(target) else {
          continue
        }
        hit.insert(target)
      }
      guard !hit.isEmpty else { continue }
      let name = (try? FileAccess.read(folder + "/comm"))?.trimmed ?? "a process"
      for path in hit { users[path, default: []].append("\(name) (process \(process))") }
    }
    return users
  }

  /// Whether the kernel itself has a block device: a file system (also one that no mount shows, as of ZFS), a volume, a
  /// target.
  public static func isClaimed(_ path: String) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFBLK else { return false }
    let file = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return errno == EBUSY }
    close(file)
    return false
  }
}
