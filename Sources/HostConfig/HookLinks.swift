import Glibc
import PoolModel
import Sysfs

/// The links by which libvirt finds vfpool-hook, and the file that keeps the hook quiet.
public struct HookLinks: Sendable {
  /// What stands where a link belongs.
  public enum State: Hashable, Sendable {
    case absent
    /// Ours, made at this moment.
    case linked(Timestamp)
    /// Somebody else's file or link.
    case foreign
  }

  /// Before every path; empty but in tests.
  public let root: String

  public init(root: String = "") { self.root = root }

  /// There wherever the rest is installed, see packaging/files.
  public static let target = "/usr/sbin/vfpool-hook"

  /// A name in the `*.d` folders, which libvirt runs in alphabetical order.
  public var paths: [String] {
    ["qemu.d", "network.d", "daemon.d"].map { "\(root)/etc/libvirt/hooks/\($0)/50-vfpool" }
  }
  /// While it exists, vfpool-hook does nothing.
  public var bypass: String { "\(root)/run/vfpool/bypass" }

  public var isBypassed: Bool { FileAccess.exists(bypass) }

  public func state(_ path: String) -> State {
    var status = stat()
    guard lstat(path, &status) == 0 else { return .absent }
    guard (try? FileAccess.linkTarget(path)) == Self.target else { return .foreign }
    return .linked(Timestamp(status.st_mtim))
  }

  /// When the later link was made; nil when one is missing.
  public var linkedSince: Timestamp? {
    let times = paths.compactMap { path -> Timestamp? in
      if case .linked(let time) = state(path) { time } else { nil }
    }
    return times.count == paths.count ? times.max() : nil
  }
}
