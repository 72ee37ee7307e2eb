/// What the hook takes from `/etc/vfpool/vfpool.conf`: lines `key = value`, `#` starts a comment.
///
/// | key | meaning |
/// |---|---|
/// | `socket` | where vfpoold listens |
/// | `hook-deadline-factor` | multiplies every default deadline; 1 |
/// | `hook-deadline-STEP` | milliseconds for one step, taken as written: `prepare`, `start`, `release`, `port-created`, `port-deleted`, `network` |
///
/// Other keys are vfpoold's. A value that makes no sense counts as absent: no typing mistake may keep a guest from
/// starting.
public struct HookConfiguration: Hashable, Sendable {
  public static let defaultPath = "/etc/vfpool/vfpool.conf"

  public var socket = "/run/vfpool/vfpool.sock"
  private var factor = 1.0
  private var deadlines: [HookStep: Int] = [:]

  /// libvirt is never kept waiting longer than this, whatever the file says: ten minutes.
  static let longestDeadline = 600_000

  /// All defaults.
  public init() {}

  public init(text: String) {
    for (key, value) in ConfigurationText(text) {
      switch key {
      case "socket": socket = value
      case "hook-deadline-factor":
        if let number = Double(value), number > 0, number.isFinite { factor = number }
      default:
        guard key.hasPrefix("hook-deadline-"), let step = HookStep(rawValue: String(key.dropFirst(14))),
          let number = Int(value), number > 0
        else { continue }
        deadlines[step] = number
      }
    }
  }

  /// How long libvirt is kept waiting at `step`, in milliseconds.
  public func deadline(of step: HookStep) -> Int {
    if let written = deadlines[step] { return min(written, Self.longestDeadline) }
    return max(1, Int(min(Double(step.defaultDeadline) * factor, Double(Self.longestDeadline))))
  }
}
