import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import PoolFlows
import PoolModel

/// Where it is recorded who asked for which change.
public protocol AuditLog: Sendable {
  /// Records what is about to be done, durably; returns its number.
  func begin(_ entry: AuditEntry) async throws -> Int64
  func end(audit id: Int64, outcome: String, at time: Timestamp) async throws
  /// The newest first.
  func audits(_ filter: AuditFilter) async throws -> [AuditEntry]
}

/// Records each change before it is done and when it is over, in the ledger and in the journal.
struct Auditor: Sendable {
  let audit: any AuditLog
  let log: Logger
  let now: @Sendable () -> Timestamp

  /// How much of a request's body is kept.
  static let bodyKept = 500
  /// As large as any route takes.
  static let bodyLimit = 10 << 20

  /// Does `handler` and records it. A ledger that can't be written doesn't keep a change from being done: what must not be
  /// done without a ledger refuses by itself.
  func recorded(
    _ request: Request, by peer: Peer?, _ handler: (Request) async throws -> Response
  ) async throws -> Response {
    var request = request
    let body = try await request.bytes(upTo: Self.bodyLimit)
    request.body = RequestBody(buffer: body)
    let entry = AuditEntry(
      time: now(), uid: peer?.uid, user: peer?.user, pid: peer?.pid,
      operation: "\(request.method) \(request.uri.path)", object: Self.object(request), body: Self.kept(body))
    var number: Int64?
    do { number = try await audit.begin(entry) } catch { log.error("not in the audit: \(error)") }
    let outcome: String
    let result: Result<Response, any Error>
    do {
      result = .success(try await handler(request))
      outcome = "done"
    } catch {
      result = .failure(error)
      outcome = "\((error as? FlowError)?.code.rawValue ?? "failed"): \(error)"
    }
    let who = entry.user ?? entry.uid.map { "uid \($0)" } ?? "somebody"
    log.notice(
      "audit: \(who) (uid \(entry.uid.map { "\($0)" } ?? "?"), pid \(entry.pid.map { "\($0)" } ?? "?")) \(entry.operation) \(entry.object): \(outcome)"
    )
    if let number {
      do { try await audit.end(audit: number, outcome: outcome, at: now()) } catch {
        log.error("end of \(number) is not in the audit: \(error)")
      }
    }
    return try result.get()
  }

  private static func object(_ request: Request) -> String {
    request.uri.queryParameters.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
  }

  private static func kept(_ body: ByteBuffer) -> String? {
    guard body.readableBytes > 0 else { return nil }
    let text = String(decoding: body.readableBytesView.prefix(bodyKept), as: UTF8.self)
    return body.readableBytes > bodyKept ? text + "…" : text
  }
}
