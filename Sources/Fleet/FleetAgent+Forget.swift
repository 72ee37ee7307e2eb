import ControlAPI
import Logging
import PoolFlows
import PoolModel

/// What is taken out of the fleet for good.
extension FleetAgent {
  /// From now on a pool's netdef is no longer the fleet's; hosts keep what they have.
  public func forget(netdef pool: String) async throws {
    try await asking { try await self.forgetNow(netdef: pool) }
  }

  private func forgetNow(netdef pool: String) async throws {
    let applied = try await store.entries(under: keys.all(.applied, of: pool)).entries.map(\.key)
    let key = keys.netdef(pool)
    guard try await store.commit(.init(then: [.read(key)])).read.first != nil else {
      throw FlowError(
        .notFound, "the fleet has no netdef of pool \(pool); `vfpool fleet status` lists those that it has")
    }
    try await commit(([key] + applied).map { .delete($0) })
  }

  /// Takes out what a host that is no more had bound; returns that. Where its guests are now, their hosts bind it anew.
  public func forget(host name: String) async throws -> [FleetFoundRow] {
    try await asking { try await self.forgetNow(host: name) }
  }

  private func forgetNow(host name: String) async throws -> [FleetFoundRow] {
    let marker = keys.forgotten(name)
    let owned = keys.all(.owned, of: name)
    var others: [String] = []
    for kind in [FleetKeys.Kind.conflicts, .applied] {
      others += try await store.entries(under: keys.all(kind)).entries.map(\.key).filter {
        keys.parse($0)?.words.last == name
      }
    }
    let known = try await store.commit(.init(then: [.read(marker), .read(keys.host(name))])).read
    if try await macs(under: owned).isEmpty, others.isEmpty, known.isEmpty {
      throw FlowError(.notFound, "the fleet knows nothing of a host \(name)")
    }
    // Each step only while it isn't up: what it has then is its own.
    let isAway = [FleetTransaction.Condition.absent(keys.host(name))]
    func step(_ steps: [FleetTransaction.Step]) async throws {
      guard try await commit(.init(if: isAway, then: steps)).isDone else {
        throw FlowError(
          .refused,
          "host \(name) is in the fleet: only one that is no more can be forgotten; a guest's MACs are unbound there "
            + "(`vfpool mac unbind`)")
      }
    }
    // First of all, so that it counts should this be broken off.
    var gone = ForgottenRecord(by: host.name)
    try await step([.put(marker, RecordText.text(of: gone))])
    let records = try await records(ofMACs: macs(under: owned)).filter { $0.record.host == name }
    var rows: [FleetFoundRow] = []
    for (record, modified) in records where try await delete(record, since: modified, if: isAway) {
      rows.append(FleetFoundRow(record))
    }
    for part in others.split(by: Self.stepLimit) { try await step(part.map { .delete($0) }) }
    gone.done = true
    try await step([.put(marker, RecordText.text(of: gone))])
    log.notice("host \(name) is forgotten in the fleet: \(rows.count) MACs were bound there")
    return rows
  }
}
