import Etcd
import EtcdCluster
import Foundation
import Logging
import Synchronization
import Testing

/// What runs against real members, one test after the other: a member that has no processor for a second is one that has
/// stopped.
@Suite(.serialized) enum ServerTests {}

/// Where members stop and networks break: mostly waiting, so beside the others.
@Suite(.serialized) enum FaultTests {}

/// One member for a whole suite.
struct OneMember: SuiteTrait, TestScoping {
  @TaskLocal static var cluster: EtcdCluster?

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let cluster = try await EtcdCluster()
    try await Self.$cluster.withValue(cluster) { try await function() }
  }
}

extension Trait where Self == OneMember {
  static var oneMember: OneMember { OneMember() }
}

extension EtcdCluster {
  /// The suite's.
  static var shared: EtcdCluster { get throws { try #require(OneMember.cluster) } }

  func configuration(_ change: (inout EtcdConfiguration) throws -> Void = { _ in }) throws -> EtcdConfiguration {
    var configuration = EtcdConfiguration(endpoints: try endpoints.map { try EtcdEndpoint($0) })
    configuration.startsAnywhere = false
    try change(&configuration)
    return configuration
  }

  /// A client for as long as `body` runs.
  func withClient<Value>(
    _ change: (inout EtcdConfiguration) throws -> Void = { _ in }, _ body: (EtcdClient) async throws -> Value
  ) async throws -> Value {
    let client = try EtcdClient(try configuration(change), log: quiet)
    do {
      let value = try await body(client)
      await client.shutdown()
      return value
    } catch {
      await client.shutdown()
      throw error
    }
  }
}

/// Nothing is written, unless ETCD_TESTS_LOG is set.
let quiet: Logger = {
  var log = Logger(label: "etcd")
  log.logLevel = ProcessInfo.processInfo.environment["ETCD_TESTS_LOG"] == nil ? .critical : .debug
  return log
}()

/// A prefix that no other test has.
func freshPrefix() -> String { "/\(UUID().uuidString)/" }

struct Unexpected: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}

/// Fails when `body` takes longer than `limit`.
func within<Value: Sendable>(
  _ limit: Duration, _ location: SourceLocation = #_sourceLocation,
  _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withThrowingTaskGroup(of: Value?.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try? await Task.sleep(for: limit)
      return nil
    }
    defer { group.cancelAll() }
    guard let first = try await group.next(), let value = first else {
      throw Unexpected("not done within \(limit), at \(location)")
    }
    return value
  }
}

/// Repeats `body` until it doesn't throw.
func eventually<Value: Sendable>(_ limit: Duration, _ body: () async throws -> Value) async throws -> Value {
  let end = ContinuousClock.now + limit
  while true {
    do { return try await body() } catch {
      guard ContinuousClock.now < end else { throw error }
      try await Task.sleep(for: .milliseconds(50))
    }
  }
}
