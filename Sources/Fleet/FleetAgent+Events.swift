import ControlAPI
import PoolModel

/// What happens in the fleet, for those who watch.
extension FleetAgent {
  /// From now on; fails when the store can't be followed.
  public func events() async throws -> AsyncThrowingStream<FleetEventRow, any Error> {
    let revision = try await asking { try await self.store.entries(under: self.keys.all(.hosts)).revision }
    let (stream, rows) = AsyncThrowingStream.makeStream(of: FleetEventRow.self)
    let (store, keys) = (store, keys)
    let task = Task {
      do {
        let kinds: [FleetKeys.Kind] = [
          .hosts, .forgotten, .live, .bindings, .pools, .conflicts, .clashes, .netdefs, .applied,
        ]
        for try await changes in store.changes(under: kinds.map { keys.all($0) }, after: revision) {
          for change in changes { if let row = Self.event(change, keys) { rows.yield(row) } }
        }
        rows.finish()
      } catch {
        rows.finish(throwing: error)
      }
    }
    rows.onTermination = { _ in task.cancel() }
    return stream
  }

  static func event(_ change: FleetStoreChange, _ keys: FleetKeys) -> FleetEventRow? {
    guard let (kind, words) = keys.parse(change.key) else { return nil }
    switch change {
    case .put(let entry): return put(kind, words, entry)
    case .delete(_, let value, let revision): return deleted(kind, words, value, revision)
    }
  }

  private static func put(_ kind: FleetKeys.Kind, _ words: [String], _ entry: FleetEntry) -> FleetEventRow? {
    let revision = entry.modified
    switch kind {
    case .hosts:
      return .init(revision: revision, kind: .hostUp, message: "host \(words[0]) is up", host: words[0])
    case .live:
      guard let record = RecordText.record(LiveRecord.self, entry.value) else { return nil }
      return .init(
        revision: revision, kind: .macLive,
        message: "guest \(record.guest.name) runs on \(words[1]) with MAC \(words[0])", host: words[1],
        mac: MACAddress(words[0]), guest: record.guest.name, pool: record.pool)
    case .bindings:
      guard let record = RecordText.record(BindingRecord.self, entry.value) else { return nil }
      return .init(
        revision: revision, kind: .macBound,
        message: "MAC \(record.mac) is bound to guest \(record.guest.name) (\(record.pool)) on \(record.host)",
        host: record.host, mac: record.mac, guest: record.guest.name, pool: record.pool)
    case .pools:
      guard let record = RecordText.record(PoolRecord.self, entry.value) else { return nil }
      return .init(
        revision: revision, kind: .poolChanged,
        message: "pool \(words[0]) on \(words[1]): \(record.free) of \(record.total) VFs are free", host: words[1],
        pool: words[0])
    case .conflicts:
      guard let record = RecordText.record(BindingRecord.self, entry.value) else { return nil }
      return .init(
        revision: revision, kind: .conflict,
        message: "MAC \(record.mac) of guest \(record.guest.name) on \(record.host) was bound elsewhere before",
        host: record.host, mac: record.mac, guest: record.guest.name, pool: record.pool)
    case .clashes:
      guard let record = RecordText.record(ClashRecord.self, entry.value) else { return nil }
      return .init(
        revision: revision, kind: .clash,
        message: "MAC \(words[0]) is live on \(words[1]) and on \(record.host), there with guest \(record.guest.name)",
        host: words[1], mac: MACAddress(words[0]), guest: record.guest.name)
    case .netdefs:
      guard let record = RecordText.record(NetdefRecord.self, entry.value) else { return nil }
      return .init(
        revision: revision, kind: .netdefSaved, message: "netdef \(words[0]) comes from \(record.by)",
        host: record.by, pool: words[0])
    case .applied:
      guard let record = RecordText.record(AppliedRecord.self, entry.value) else { return nil }
      return .init(
        revision: revision, kind: record.failure == nil ? .netdefApplied : .netdefFailed,
        message: record.failure.map { "netdef \(words[0]) is not applied on \(words[1]): \($0)" }
          ?? "netdef \(words[0]) is applied on \(words[1])", host: words[1], pool: words[0])
    case .forgotten:
      guard let record = RecordText.record(ForgottenRecord.self, entry.value), record.done == true else { return nil }
      return .init(
        revision: revision, kind: .hostForgotten,
        message: "host \(words[0]) is forgotten, as was asked on \(record.by)",
        host: words[0])
    case .guests, .names, .owned, .unbound, .fences, .runners, .requests, .answers: return nil
    }
  }

  private static func deleted(
    _ kind: FleetKeys.Kind, _ words: [String], _ value: String?, _ revision: Int64
  ) -> FleetEventRow? {
    switch kind {
    case .hosts:
      return .init(revision: revision, kind: .hostGone, message: "host \(words[0]) is gone", host: words[0])
    case .live:
      let guest = value.flatMap { RecordText.record(LiveRecord.self, $0) }?.guest.name
      return .init(
        revision: revision, kind: .macIdle,
        message: "\(guest.map { "guest \($0)" } ?? "a guest") no longer runs on \(words[1]) with MAC \(words[0])",
        host: words[1], mac: MACAddress(words[0]), guest: guest)
    case .bindings:
      let record = value.flatMap { RecordText.record(BindingRecord.self, $0) }
      return .init(
        revision: revision, kind: .macUnbound, message: "MAC \(words[0]) is bound to nobody any more",
        host: record?.host, mac: MACAddress(words[0]), guest: record?.guest.name, pool: record?.pool)
    case .pools:
      return .init(
        revision: revision, kind: .poolGone, message: "pool \(words[0]) on \(words[1]) is gone", host: words[1],
        pool: words[0])
    case .conflicts:
      return .init(
        revision: revision, kind: .conflictOver, message: "the conflict about MAC \(words[0]) on \(words[1]) is over",
        host: words[1], mac: MACAddress(words[0]))
    case .clashes:
      return .init(
        revision: revision, kind: .clashOver, message: "MAC \(words[0]) is live on one host alone", host: words[1],
        mac: MACAddress(words[0]))
    case .netdefs:
      return .init(
        revision: revision, kind: .netdefForgotten, message: "netdef \(words[0]) is no longer the fleet's",
        pool: words[0])
    case .guests, .names, .owned, .unbound, .forgotten, .fences, .runners, .applied, .requests, .answers: return nil
    }
  }
}
