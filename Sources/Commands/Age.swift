import PoolModel

/// How long ago something was, in its largest unit: `42s`, `7m`, `3h`, `12d`.
func age(since then: Timestamp, now: Timestamp) -> String {
  let seconds = max(0, (now.milliseconds - then.milliseconds) / 1000)
  return switch seconds {
  case ..<60: "\(seconds)s"
  case ..<3600: "\(seconds / 60)m"
  case ..<86_400: "\(seconds / 3600)h"
  default: "\(seconds / 86_400)d"
  }
}

extension Timestamp {
  /// To the second, as tables show it: `2026-11-24T14:51:53Z`.
  var inSeconds: String { description.prefix { $0 != "." } + "Z" }
}
