import Glibc
import PoolFlows

/// An error that nobody but the plan made.
public struct FaultError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case EBUSY, EPERM, EOPNOTSUPP, ENOSPC
    /// libvirt's connection is lost.
    case disconnected
  }

  public var kind: Kind
  public var point: FaultPoint

  public init(_ kind: Kind, at point: FaultPoint) {
    self.kind = kind
    self.point = point
  }

  public var description: String {
    let code: Int32? =
      switch kind {
      case .EBUSY: Glibc.EBUSY
      case .EPERM: Glibc.EPERM
      case .EOPNOTSUPP: Glibc.EOPNOTSUPP
      case .ENOSPC: Glibc.ENOSPC
      case .disconnected: nil
      }
    let text = code.map { String(cString: strerror($0)) } ?? "lost the connection to libvirt"
    return "\(text) (made to fail at \(point))"
  }

  /// As the daemon's neighbours throw it.
  public var asThrown: any Error { kind == .disconnected ? FlowError(.unavailable, description) : self }
}
