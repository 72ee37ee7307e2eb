/// Why a request was not done, for whoever made it.
public struct FlowError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: String, Hashable, Sendable {
    /// The request makes no sense: a bad netdef, a bad value.
    case invalid
    /// No such pool, PF or VF.
    case notFound
    /// It makes sense, but must not be done now.
    case refused
    /// The kernel or libvirt said no.
    case failed
    /// libvirt is not connected, or the ledger can't be written.
    case unavailable
  }

  public var code: Code
  /// A lower-case fragment that names the object and the way out.
  public var message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
