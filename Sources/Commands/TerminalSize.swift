import Glibc

/// How much fits on a terminal.
struct TerminalSize: Hashable {
  var rows: Int
  var columns: Int

  /// Nil when standard output isn't a terminal.
  static var ofStandardOutput: TerminalSize? {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else {
      return TerminalSize(rows: 24, columns: 80)
    }
    return TerminalSize(rows: Int(size.ws_row), columns: Int(size.ws_col))
  }
}
