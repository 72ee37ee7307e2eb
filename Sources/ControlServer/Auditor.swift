import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import PoolFlows
import PoolModel

/// Records each change that is asked of a socket before it is done and when it is over.
struct Auditor: Sendable {
  let audit: any AuditLog
  let log: Logger
  let now: @Sendable () -> Timestamp

  /// As large as any route takes.
  static let bodyLimit = 10 << 20

  func recorded(
    _ request: Request, by peer: Peer?, _ handler: (Request) async throws -> Response
  ) async throws -> Response {
    var request = request
    let body = try await request.bytes(upTo: Self.bodyLimit)
    request.body = RequestBody(buffer: body)
    let entry = AuditEntry(
      time: now(), uid: peer?.uid, user: peer?.user, pid: peer?.pid,
      operation: "\(request.method) \(request.uri.path)", object: Self.object(request),
      body: AuditEntry.kept(body.readableBytesView))
    return try await audit.recorded(entry, log, now) { try await handler(request) }
  }

  private static func object(_ request: Request) -> String {
    request.uri.queryParameters.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
  }
}
