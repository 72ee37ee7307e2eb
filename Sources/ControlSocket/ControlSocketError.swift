import Glibc

/// Why there is no answer from the socket.
public struct ControlSocketError: Error, Hashable, Sendable {
  public enum Code: String, Hashable, Sendable {
    /// Nobody listens, or this user may not connect.
    case unreachable
    /// The deadline passed before the whole answer was there.
    case timedOut
    /// What came isn't HTTP/1.1.
    case malformed
    /// The connection ended before the whole answer was there.
    case closed
    /// The answer is longer than what is accepted.
    case tooLarge
  }

  public var code: Code
  /// The C library's error number; 0 where none is behind it.
  public var errno: Int32
  /// The socket.
  public var path: String
  /// What was wrong with the answer, in words; empty where the code says it all.
  public var detail: String

  public init(code: Code, errno: Int32 = 0, path: String, detail: String = "") {
    self.code = code
    self.errno = errno
    self.path = path
    self.detail = detail
  }
}

extension ControlSocketError: CustomStringConvertible {
  public var description: String {
    switch code {
    case .unreachable where errno == EACCES || errno == EPERM:
      "not allowed to connect to \(path): run this as root or as a member of the socket's group"
    case .unreachable where errno == ENAMETOOLONG:
      "can't connect to \(path): a socket's path has at most \(SocketAddress.capacity) bytes"
    case .unreachable:
      "can't reach vfpoold at \(path)\(cause): is it running? (systemctl status vfpoold)"
    case .timedOut:
      "no answer from vfpoold at \(path) in time: it is busy or stuck (journalctl -u vfpoold)"
    case .malformed:
      "the answer at \(path) is not HTTP/1.1\(cause): does another program listen there?"
    case .closed:
      "vfpoold at \(path) hung up before its answer was whole\(cause): it may have stopped (journalctl -u vfpoold)"
    case .tooLarge:
      "the answer at \(path) is too long\(cause): ask for less"
    }
  }

  private var cause: String {
    let text = detail.isEmpty && errno != 0 ? String(cString: strerror(errno)) : detail
    return text.isEmpty ? "" : " (\(text))"
  }
}
