/// Why vfpoold didn't do what was asked.
public struct ControlClientError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: String, Hashable, Sendable {
    /// Nobody answers on the socket.
    case unreachable
    /// vfpoold, or the socket's permissions, said no (status 4xx).
    case refused
    /// vfpoold tried and could not, or its answer never came (status 5xx, time-out, connection lost).
    case failed
    /// The answer isn't what this client can read: another version, or another program.
    case malformed
  }

  public var code: Code
  /// What was asked: `GET /v1/status`.
  public var operation: String
  /// The HTTP status; nil when there was no whole answer.
  public var status: Int?
  /// `errno` of the failing socket call; 0 where none is behind it.
  public var errno: Int32
  /// For people: names the object and the way out; may have several lines.
  public var text: String

  public init(code: Code, operation: String, status: Int? = nil, errno: Int32 = 0, text: String) {
    self.code = code
    self.operation = operation
    self.status = status
    self.errno = errno
    self.text = text
  }

  public var description: String { text }
}
