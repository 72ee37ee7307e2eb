import Glibc
import PoolModel
import Sysfs

/// Where a verb's words go: the process's own streams, or a test's record.
struct Console: Sendable {
  /// To standard output, as it is.
  var write: @Sendable (String) -> Void
  /// To standard output, UTF-8 as it came from somewhere else.
  var pass: @Sendable ([UInt8]) -> Void
  /// To standard error, as it is.
  var complain: @Sendable (String) -> Void
  /// Asks a question that ends in yes or no; nil = there is nobody to ask.
  var ask: (@Sendable (String) -> Bool)?
  /// How standard output is dressed.
  var style: Style
  /// Whether standard error is a terminal that shows what takes long.
  var showsProgress: Bool
  var now: @Sendable () -> Timestamp

  /// The one that verbs use.
  @TaskLocal static var current = Console.process

  /// The process's own streams.
  static var process: Console {
    let errorsSeen = isatty(STDERR_FILENO) == 1
    let ask: @Sendable (String) -> Bool = { question in
      put("\(question) [y/N] ", to: STDERR_FILENO)
      return ["y", "yes"].contains(readLine()?.lowercased() ?? "")
    }
    return Console(
      write: { text in put(text, to: STDOUT_FILENO) },
      pass: { bytes in bytes.withUnsafeBufferPointer { put($0, to: STDOUT_FILENO) } },
      complain: { text in put(text, to: STDERR_FILENO) },
      ask: isatty(STDIN_FILENO) == 1 && errorsSeen ? ask : nil,
      style: .ofStandardOutput,
      showsProgress: errorsSeen && environment("TERM") != "dumb",
      now: {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(time)
      })
  }

  /// Throws unless somebody says yes; `instead`: what to say where there is nobody to ask.
  func confirm(_ question: String, instead: String) throws(CommandError) {
    guard let ask else { throw CommandError(.refused, "\(instead) (there is no terminal to ask on)") }
    guard ask("\(question)\nGo on?") else { throw CommandError(.refused, "nothing was changed") }
  }

  static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  private static func put(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { put($0, to: descriptor) }
  }

  private static func put(_ bytes: UnsafeBufferPointer<UInt8>, to descriptor: Int32) {
    var written = 0
    while written < bytes.count {
      let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written)
      if count >= 0 {
        written += count
      } else if errno == EPIPE {
        // `vfpool … | head` has read enough: end as every other tool does, quietly.
        signal(SIGPIPE, SIG_DFL)
        raise(SIGPIPE)
        exit(1)
      } else if errno == EAGAIN {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&entry, 1, -1)
      } else if errno != EINTR {
        if descriptor != STDERR_FILENO {
          put("vfpool: can't write to standard output: \(errorText(errno))\n", to: STDERR_FILENO)
        }
        exit(1)
      }
    }
  }
}
