import Glibc

/// Why an rtnetlink request failed.
public struct NetlinkError: Error, Hashable, Sendable {
  public enum Code: String, Hashable, Sendable {
    /// The driver can't do this (EOPNOTSUPP).
    case notSupported
    /// The driver is busy, resetting for example (EBUSY, EAGAIN).
    case busy
    /// The kernel or the driver turned the values down (EINVAL, ERANGE, EPERM, EACCES and the like).
    case refused
    case noSuchLink
    /// The PF has no VF of this index.
    case noSuchVF
    /// The kernel's answer holds fewer VFs than the PF has.
    case truncated
    /// The kernel couldn't fit the PF's VFs into a message (EMSGSIZE).
    case messageTooLong
    /// Links kept changing while they were listed.
    case interrupted
    /// The answer isn't what rtnetlink sends.
    case malformed
    /// Anything else; see `errno`.
    case system
  }

  public var code: Code
  /// What was tried: `set trust on`.
  public var operation: String
  /// On what: `enp1s0/3`.
  public var subject: String
  /// 0 when the kernel reported no error.
  public var errno: Int32
  /// The kernel's own words (NLMSGERR_ATTR_MSG), or what else explains the error.
  public var kernelText: String?

  public init(code: Code, operation: String, subject: String, errno: Int32 = 0, kernelText: String? = nil) {
    self.code = code
    self.operation = operation
    self.subject = subject
    self.errno = errno
    self.kernelText = kernelText
  }

  init(errno: Int32, operation: String, subject: String, kernelText: String? = nil) {
    let code: Code =
      switch errno {
      case EOPNOTSUPP: .notSupported
      case EBUSY, EAGAIN: .busy
      case EINVAL, ERANGE, EPERM, EACCES, EADDRNOTAVAIL, EADDRINUSE, EPROTONOSUPPORT: .refused
      case ENODEV, ENXIO: .noSuchLink
      case EMSGSIZE: .messageTooLong
      default: .system
      }
    self.init(code: code, operation: operation, subject: subject, errno: errno, kernelText: kernelText)
  }
}

extension NetlinkError: CustomStringConvertible {
  public var description: String {
    var text = "cannot \(operation) \(subject)"
    if let kernelText { text += ": \(kernelText)" }
    if errno != 0 { text += kernelText == nil ? ": \(reason)" : " (\(reason))" }
    if let advice { text += "; \(advice)" }
    return text
  }

  private var reason: String {
    strerror(errno).map { String(cString: $0).lowercased() } ?? "error \(errno)"
  }

  private var advice: String? {
    switch code {
    case .notSupported: "its driver doesn't offer this"
    case .busy: "try again"
    case .refused where errno == EPERM || errno == EACCES: "this needs CAP_NET_ADMIN"
    case .messageTooLong: "fewer VFs on this PF can be read"
    case .interrupted: "links keep changing, try again"
    default: nil
    }
  }
}
