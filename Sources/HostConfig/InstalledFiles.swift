import Sysfs

/// Where `make install`, or the package, has put what belongs to the program that runs (but the hook, see `HookLinks`).
public enum InstalledFiles {
  /// `/usr`, `/usr/local`, …
  public static let prefix = prefix(ofProgram: (try? FileAccess.linkTarget("/proc/self/exe")) ?? "")

  public static var vfpoold: String { "\(prefix)/sbin/vfpoold" }

  /// `/usr` for one that isn't installed.
  static func prefix(ofProgram path: String) -> String {
    let parts = path.split(separator: "/")
    guard parts.count > 2, ["bin", "sbin"].contains(parts[parts.count - 2]) else { return "/usr" }
    return "/" + parts.dropLast(2).joined(separator: "/")
  }
}
