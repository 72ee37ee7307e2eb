import Clibvirt

/// Why a call to libvirt failed.
public struct LibvirtError: Error, Hashable, Sendable {
  /// What callers act on; everything else is `other`, with `rawCode` to match on.
  public enum Code: String, Hashable, Sendable {
    /// libvirtd can't be reached, or refuses to open the connection.
    case cannotConnect
    /// The connection is closed, by libvirtd or by us; open another one.
    case connectionLost
    case noDomain
    case noNetwork
    case noNetworkPort
    case noNodeDevice
    /// A port of that UUID exists in the network already.
    case networkPortExists
    /// A port was to claim a device that another port of the network has.
    case deviceInUse
    /// Not applicable in the object's present state: starting an active network, stopping an inactive one.
    case operationInvalid
    case operationFailed
    /// The XML isn't well-formed, or libvirt doesn't take what it says.
    case invalidXML
    /// The driver or this version of libvirt lacks the function.
    case unsupported
    /// Authentication or polkit refused.
    case accessDenied
    /// A hook of libvirt's refused.
    case hookRefused
    case other
  }

  public var code: Code
  /// A `virErrorNumber`; 0 when it wasn't libvirt that failed.
  public var rawCode: Int32
  /// A `virErrorDomain`: the part of libvirt that failed.
  public var rawDomain: Int32
  /// What was tried, a verb: `start`.
  public var operation: String
  /// On what: `network 'tenant-a'`.
  public var subject: String
  /// libvirt's own words, in libvirtd's language.
  public var text: String

  public init(
    code: Code, rawCode: Int32 = 0, rawDomain: Int32 = 0, operation: String, subject: String, text: String
  ) {
    self.code = code
    self.rawCode = rawCode
    self.rawDomain = rawDomain
    self.operation = operation
    self.subject = subject
    self.text = text
  }
}

extension LibvirtError: CustomStringConvertible {
  public var description: String { "cannot \(operation) \(subject): \(text)" }
}

extension LibvirtError {
  /// The last error of this thread; to be read right after the failed call, before anything is freed (the free
  /// functions reset it).
  static func last(_ operation: String, _ subject: String) -> LibvirtError {
    guard let error = virGetLastError() else {
      return LibvirtError(code: .other, operation: operation, subject: subject, text: "libvirt gave no reason")
    }
    let text = error.pointee.message.map { String(cString: $0) } ?? "libvirt gave no text"
    let rawCode = error.pointee.code
    let rawDomain = error.pointee.domain
    return LibvirtError(
      code: Code(rawCode: rawCode, rawDomain: rawDomain, text: text), rawCode: rawCode, rawDomain: rawDomain,
      operation: operation, subject: subject, text: text)
  }
}

extension LibvirtError.Code {
  init(rawCode: Int32, rawDomain: Int32, text: String) {
    let isRPC = rawDomain == Int32(VIR_FROM_RPC.rawValue)
    let isTaken = text.contains("already in use by a different")
    switch virErrorNumber(rawValue: UInt32(bitPattern: rawCode)) {
    case VIR_ERR_NO_DOMAIN: self = .noDomain
    case VIR_ERR_NO_NETWORK: self = .noNetwork
    case VIR_ERR_NO_NETWORK_PORT: self = .noNetworkPort
    case VIR_ERR_NO_NODE_DEVICE: self = .noNodeDevice
    case VIR_ERR_NETWORK_PORT_EXIST: self = .networkPortExists
    case VIR_ERR_OPERATION_INVALID: self = .operationInvalid
    case VIR_ERR_XML_ERROR, VIR_ERR_XML_DETAIL, VIR_ERR_XML_INVALID_SCHEMA, VIR_ERR_CONFIG_UNSUPPORTED, VIR_ERR_NO_NAME:
      self = .invalidXML
    case VIR_ERR_NO_SUPPORT, VIR_ERR_OPERATION_UNSUPPORTED, VIR_ERR_ARGUMENT_UNSUPPORTED: self = .unsupported
    case VIR_ERR_AUTH_FAILED, VIR_ERR_AUTH_CANCELLED, VIR_ERR_AUTH_UNAVAILABLE, VIR_ERR_ACCESS_DENIED,
      VIR_ERR_OPERATION_DENIED:
      self = .accessDenied
    case VIR_ERR_HOOK_SCRIPT_FAILED: self = .hookRefused
    case VIR_ERR_NO_CONNECT, VIR_ERR_INVALID_CONN, VIR_ERR_RPC: self = .connectionLost
    // A dead socket has no code of its own: it is an internal or a system error of libvirt's RPC part.
    case VIR_ERR_SYSTEM_ERROR where isRPC, VIR_ERR_INTERNAL_ERROR where isRPC: self = .connectionLost
    // Neither has a taken device; the words are all that tells it, in English only.
    case VIR_ERR_INTERNAL_ERROR where isTaken, VIR_ERR_OPERATION_FAILED where isTaken: self = .deviceInUse
    case VIR_ERR_OPERATION_FAILED: self = .operationFailed
    default: self = .other
    }
  }
}
