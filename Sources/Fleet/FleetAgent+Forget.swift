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
    let up = try await store.commit(.init(then: [.read(keys.host(name))])).read
    guard up.isEmpty else {
      throw FlowError(
        .refused,
        "host \(name) is in the fleet: only one that is no more can be forgotten; a guest's MACs are unbound there "
          + "(`vfpool mac unbind`)")
    }
    let owned = keys.all(.owned, of: name)
    let records = try await records(ofMACs: macs(under: owned)).filter { $0.record.host == name }
    var others: [String] = []
    for kind in [FleetKeys.Kind.conflicts, .applied] {
      others += try await store.entries(under: keys.all(kind)).entries.map(\.key).filter {
        keys.parse($0)?.words.last == name
      }
    }
    if records.isEmpty, others.isEmpty {
      throw FlowError(.notFound, "the fleet knows nothing of host \(name), which isn't up")
    }
    // First, so that none of it counts should this be broken off; last, so that who is told finds the bindings gone.
    let text = RecordText.text(of: ForgottenRecord(at: now(), by: host.name))
    let gone = FleetTransaction.Step.put(keys.forgotten(name), text)
    try await commit([gone])
    var rows: [FleetFoundRow] = []
    for (record, modified) in records where try await delete(record, since: modified) {
      rows.append(FleetFoundRow(record))
    }
    try await commit(others.map { .delete($0) } + [gone])
    log.notice("host \(name) is forgotten in the fleet: \(rows.count) MACs were bound there")
    return rows
  }
}
