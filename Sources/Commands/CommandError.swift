/// Why a verb ends with another exit code than 0, where vfpoold isn't the reason.
struct CommandError: Error, Hashable, Sendable {
  enum Code: String, Hashable, Sendable {
    /// The object, or what was asked of it, isn't there.
    case notFound
    /// A call to the operating system failed.
    case failed
    /// Not without root, a yes, or another state of affairs.
    case refused
    /// The arguments contradict each other.
    case usage
    /// `--plan` found changes to make: no failure.
    case planHasChanges
    /// `doctor` found what can't work.
    case faultsFound
    /// `doctor` found what works, but not as well as it could.
    case warningsFound

    var exitCode: Int32 {
      switch self {
      case .notFound, .failed, .refused, .faultsFound: 1
      case .usage: 2
      case .planHasChanges: 3
      case .warningsFound: 5
      }
    }
  }

  var code: Code
  /// For people; empty = nothing to say.
  var text: String
  /// The C library's error number; 0 where none is behind it.
  var errno: Int32

  init(_ code: Code, _ text: String = "", errno: Int32 = 0) {
    self.code = code
    self.text = errno == 0 ? text : "\(text): \(errorText(errno))"
    self.errno = errno
  }
}
