import AsyncHTTPClient
import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// What a failed connection or exchange is to people.
enum FailureWords {
  static func of(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError: words(error)
    case let error as IOError: text(error.errnoCode)
    case ChannelError.connectTimeout: "no connection in time"
    case ChannelError.ioOnClosedChannel, ChannelError.alreadyClosed, ChannelError.inputClosed, ChannelError.eof:
      "the connection was closed"
    case let error as HTTPClientError where error == .connectTimeout: "no connection in time"
    case let error as HTTPClientError where error == .remoteConnectionClosed: "the connection was closed"
    case let error as NIOSSLExtraError: words(error)
    default: secureWords("\(error)")
    }
  }

  /// Whether a member has refused this host's certificate: with TLS 1.3 that comes when the request is sent already.
  static func isRefusedHandshake(_ error: any Error) -> Bool {
    let text = "\(error)"
    return refusals.contains { text.contains($0) }
  }

  /// TLS alerts, as BoringSSL writes them.
  private static let refusals = ["CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "CERTIFICATE_EXPIRED"]

  private static func words(_ error: NIOConnectionError) -> String {
    if let first = error.connectionErrors.first { return of(first.error) }
    if error.dnsAError != nil || error.dnsAAAAError != nil { return "the name can't be resolved" }
    return "no connection"
  }

  private static func words(_ error: NIOSSLExtraError) -> String {
    error == .failedToValidateHostname ? "its certificate is for another name or address" : "\(error)"
  }

  /// BoringSSL's reasons are only in its text.
  private static func secureWords(_ text: String) -> String {
    if text.contains("CERTIFICATE_VERIFY_FAILED") {
      return "its certificate isn't one that the certificate authority has signed, or has expired"
    }
    if refusals.contains(where: { text.contains($0) }) {
      return "it doesn't accept this host's client certificate, or wants one"
    }
    // An etcd without TLS hangs up.
    if text.contains("WRONG_VERSION_NUMBER") || text.contains("EOF during handshake") {
      return "no TLS with it: it may answer http:// only"
    }
    return text
  }

  private static func text(_ errno: Int32) -> String { String(cString: strerror(errno)) }
}
