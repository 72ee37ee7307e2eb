import Logging
import PoolModel

/// Where it is recorded who asked for which change.
public protocol AuditLog: Sendable {
  /// Records what is about to be done, durably; returns its number.
  func begin(_ entry: AuditEntry) async throws -> Int64
  func end(audit id: Int64, outcome: String, at time: Timestamp) async throws
  /// The newest first.
  func audits(_ filter: AuditFilter) async throws -> [AuditEntry]
}

extension AuditLog {
  /// Records `entry`, does `change`, and records how that went, here and in the journal. A ledger that can't be written
  /// doesn't keep a change from being done: what must not be done without a ledger refuses by itself.
  public func recorded<T>(
    _ entry: AuditEntry, _ log: Logger, _ now: @Sendable () -> Timestamp, isolation: isolated (any Actor)? = #isolation,
    _ change: () async throws -> T
  ) async throws -> T {
    var number: Int64?
    do { number = try await begin(entry) } catch { log.error("not in the audit: \(error)") }
    let outcome: String
    let result: Result<T, any Error>
    do {
      result = .success(try await change())
      outcome = "done"
    } catch {
      result = .failure(error)
      outcome = "\((error as? FlowError)?.code.rawValue ?? "failed"): \(error)"
    }
    log.notice("audit: \(entry.who) \(entry.operation) \(entry.object): \(outcome)")
    if let number {
      do { try await end(audit: number, outcome: outcome, at: now()) } catch {
        log.error("end of \(number) is not in the audit: \(error)")
      }
    }
    return try result.get()
  }
}

extension AuditEntry {
  /// How many bytes of what is given with a change are kept.
  public static let bodyKept = 500

  /// What is kept of it.
  public static func kept(_ body: some Collection<UInt8>) -> String? {
    if body.isEmpty { return nil }
    let text = String(decoding: body.prefix(bodyKept), as: UTF8.self)
    return body.count > bodyKept ? text + "…" : text
  }

  fileprivate var who: String {
    if uid == nil, pid == nil, let user { return user }
    let name = user ?? uid.map { "uid \($0)" } ?? "somebody"
    return "\(name) (uid \(uid.map { "\($0)" } ?? "?"), pid \(pid.map { "\($0)" } ?? "?"))"
  }
}
