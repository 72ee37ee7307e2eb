import Glibc
import PoolModel

/// The links by which libvirt finds vfpool-hook, and the file that keeps the hook quiet.
struct HookLinks: Sendable {
  /// What stands where a link belongs.
  enum State: Hashable, Sendable {
    case absent
    /// Ours, made at this moment.
    case linked(Timestamp)
    /// Somebody else's file or link.
    case foreign
  }

  /// Before every path; empty but in tests.
  var root = ""

  static let target = "/usr/sbin/vfpool-hook"

  /// A name in the `*.d` folders, which libvirt runs in alphabetical order.
  var paths: [String] { ["qemu.d", "network.d"].map { "\(root)/etc/libvirt/hooks/\($0)/50-vfpool" } }
  /// While it exists, vfpool-hook does nothing.
  var bypass: String { "\(root)/run/vfpool/bypass" }

  func state(_ path: String) -> State {
    var status = stat()
    guard lstat(path, &status) == 0 else { return .absent }
    var buffer = [CChar](repeating: 0, count: 4096)
    let length = readlink(path, &buffer, buffer.count)
    guard length >= 0, buffer.prefix(length).elementsEqual(Self.target.utf8.map { CChar(bitPattern: $0) }) else {
      return .foreign
    }
    return .linked(
      Timestamp(milliseconds: Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000))
  }

  /// When the later link was made; nil when one is missing.
  var linkedSince: Timestamp? {
    let times = paths.compactMap { path -> Timestamp? in
      if case .linked(let time) = state(path) { time } else { nil }
    }
    return times.count == paths.count ? times.max() : nil
  }

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
