/// What a member says of itself.
public struct MemberStatus: Hashable, Sendable {
  public var member: UInt64
  /// Nil: the member knows none, so it can't serve.
  public var leader: UInt64?
  public var cluster: UInt64
  /// `3.4.23`
  public var version: String
  /// Of the database's file, in bytes.
  public var size: Int64
  /// Of what is in use of it; the rest is freed by defragmenting.
  public var sizeInUse: Int64
  public var revision: Int64
  public var raftIndex: UInt64
  public var isLearner: Bool
  /// What is wrong, in etcd's words: `NOSPACE`, `CORRUPT`, `etcdserver: no leader`.
  public var alarms: [String]

  public var isLeader: Bool { leader == member }
}

extension EtcdClient {
  /// Asks one member of itself; it answers also when it is cut off from the others.
  public func status(of endpoint: EtcdEndpoint) async throws(EtcdError) -> MemberStatus {
    let call = Call(
      path: "maintenance/status", body: Wire.encode(Wire.Empty()), kind: .read, subject: "a member's status",
      needsMajority: false)
    let status = try await ask(call, for: Wire.Status.self, at: endpoint).message
    return MemberStatus(
      member: status.header?.member_id?.value ?? 0,
      leader: status.leader.flatMap { $0.value == 0 ? nil : $0.value },
      cluster: status.header?.cluster_id?.value ?? 0, version: status.version ?? "", size: status.dbSize?.value ?? 0,
      sizeInUse: status.dbSizeInUse?.value ?? 0, revision: status.header?.revision?.value ?? 0,
      raftIndex: status.raftIndex?.value ?? 0, isLearner: status.isLearner ?? false,
      alarms: (status.errors ?? []).map(Self.alarm))
  }

  /// Asks all members of themselves, at once; in the order of the configuration.
  public func statuses() async -> [(endpoint: EtcdEndpoint, status: Result<MemberStatus, EtcdError>)] {
    await withTaskGroup(of: (Int, Result<MemberStatus, EtcdError>).self) { group in
      for (index, endpoint) in configuration.endpoints.enumerated() {
        group.addTask {
          do throws(EtcdError) {
            return (index, .success(try await self.status(of: endpoint)))
          } catch {
            return (index, .failure(error))
          }
        }
      }
      var found: [Int: Result<MemberStatus, EtcdError>] = [:]
      for await (index, result) in group { found[index] = result }
      return configuration.endpoints.enumerated().map { ($1, found[$0] ?? .failure(.cancelled)) }
    }
  }

  /// `memberID:… alarm:NOSPACE ` without what the caller knows.
  private static func alarm(_ text: String) -> String {
    guard let range = text.firstRange(of: "alarm:") else { return text }
    return String(text[range.upperBound...].prefix { $0 != " " })
  }
}
