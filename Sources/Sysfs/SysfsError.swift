import Glibc

/// Why something in sysfs, or a file beside it, could not be read or written.
public struct SysfsError: Error, Hashable, Sendable {
  public enum Code: String, Hashable, Sendable {
    case noSuchDevice
    /// The device can't have VFs.
    case noSRIOV
    /// More VFs than the device can have, or fewer than none.
    case outOfRange
    /// The count can't be changed while there are VFs.
    case vfsExist
    /// The VFs didn't appear or vanish in time.
    case timedOut
    /// A file holds what it shouldn't.
    case malformed
    /// Anything else; see `errno`.
    case system
  }

  public var code: Code
  /// What was tried: `set 7 VFs on`.
  public var operation: String
  /// On what: a PF's name, a PCI address or a path.
  public var subject: String
  /// 0 when no system call failed.
  public var errno: Int32
  /// The reason in words.
  public var text: String

  public init(code: Code, operation: String, subject: String, errno: Int32 = 0, text: String) {
    self.code = code
    self.operation = operation
    self.subject = subject
    self.errno = errno
    self.text = text
  }

  init(errno: Int32, operation: String, subject: String) {
    self.init(
      code: .system, operation: operation, subject: subject, errno: errno,
      text: strerror(errno).map { String(cString: $0).lowercased() } ?? "error \(errno)")
  }
}

extension SysfsError: CustomStringConvertible {
  public var description: String { "cannot \(operation) \(subject): \(text)" }
}
