import Glibc
import HostConfig

extension HookLinks {
  /// Throws when a link's place is taken or the hook isn't installed; changes nothing.
  func check() throws(CommandError) {
    for path in paths where state(path) == .foreign {
      throw CommandError(.refused, "\(path) exists and isn't vfpool's: move it away first")
    }
    guard access(root + Self.target, X_OK) == 0 else {
      throw CommandError(.failed, "can't run \(Self.target), which libvirt is to call", errno: errno)
    }
  }

  /// Makes the missing links and their folders; returns those that it made.
  func make() throws(CommandError) -> [String] {
    try check()
    var made: [String] = []
    for path in paths where state(path) == .absent {
      try Self.makeFolder(Self.folder(of: path))
      guard symlink(Self.target, path) == 0 else { throw CommandError(.failed, "can't make \(path)", errno: errno) }
      made.append(path)
    }
    return made
  }

  /// Removes our links, nobody else's; returns those that it removed.
  func remove() throws(CommandError) -> [String] {
    var removed: [String] = []
    for path in paths {
      guard case .linked = state(path) else { continue }
      guard unlink(path) == 0 || errno == ENOENT else {
        throw CommandError(.failed, "can't remove \(path)", errno: errno)
      }
      removed.append(path)
    }
    return removed
  }

  /// Lets the hook work again; whether it was kept quiet.
  func removeBypass() throws(CommandError) -> Bool {
    if unlink(bypass) == 0 { return true }
    guard errno == ENOENT else { throw CommandError(.failed, "can't remove \(bypass)", errno: errno) }
    return false
  }

  private static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
  }

  private static func makeFolder(_ path: String) throws(CommandError) {
    guard !path.isEmpty, access(path, F_OK) != 0 else { return }
    try makeFolder(folder(of: path))
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
      throw CommandError(.failed, "can't make the folder \(path)", errno: errno)
    }
  }
}
