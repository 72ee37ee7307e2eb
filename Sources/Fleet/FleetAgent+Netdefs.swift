import ControlAPI
import Logging
import PoolFlows
import PoolModel

/// Netdefs that are applied everywhere, and what other hosts ask this one.
extension FleetAgent {
  /// Follows what concerns this host.
  func follow(after revision: Int64, _ manager: PoolManager) async throws {
    if takesNetdefs {
      for entry in try await store.entries(under: keys.all(.netdefs)).entries { try await take(entry, manager) }
    }
    let kinds: [FleetKeys.Kind] = [.requests, .netdefs, .conflicts, .clashes, .unbound, .forgotten]
    let prefixes = kinds.map { keys.all($0) } + [keys.all(.owned, of: host.name)]
    for try await changes in store.changes(under: prefixes, after: revision) {
      for change in changes { try await meet(change, manager) }
    }
    throw FleetStoreError.unreachable("the store's changes have ended")
  }

  private func meet(_ change: FleetStoreChange, _ manager: PoolManager) async throws {
    guard let (kind, words) = keys.parse(change.key) else { return }
    switch (kind, change) {
    case (.requests, .put(let entry)): try await answer(entry, id: words[0], manager)
    case (.netdefs, .put(let entry)): if takesNetdefs { try await take(entry, manager) }
    case (.netdefs, .delete):
      netdefFailures[words[0]] = nil
      waitingNetdefs[change.key] = nil
      tellConflicts()
    case (.conflicts, .put(let entry)):
      guard words[1] == host.name, let mac = MACAddress(words[0]),
        let record = RecordText.record(BindingRecord.self, entry.value)
      else { return }
      try await noteConflict(of: record, mac)
      tellConflicts()
    case (.conflicts, .delete): if words[1] == host.name, let mac = MACAddress(words[0]) { noteConflictOver(mac) }
    case (.clashes, .put(let entry)):
      guard words[1] == host.name, let mac = MACAddress(words[0]), let mine = written.live[mac],
        let record = RecordText.record(ClashRecord.self, entry.value)
      else { return }
      toldClashes[mac] = Self.clashWords(mac, mine.guest.name, host: record.host, other: record.guest.name)
      tellConflicts()
    case (.clashes, .delete):
      guard words[1] == host.name, let mac = MACAddress(words[0]) else { return }
      toldClashes[mac] = nil
      tellConflicts()
    case (.owned, .delete(_, _, let revision)):
      if let mac = MACAddress(words[1]) { noteBindingGone(mac, at: revision) }
    case (.unbound, .put(let entry)):
      guard let mac = MACAddress(words[0]), let record = RecordText.record(UnboundRecord.self, entry.value) else {
        return
      }
      await noteUnbound(mac, record, manager)
    case (.forgotten, .put(let entry)):
      guard RecordText.record(ForgottenRecord.self, entry.value)?.done == true else { return }
      noteForgotten(words[0], at: entry.modified)
    default: return
    }
  }

  // MARK: What others ask

  private func answer(_ entry: FleetEntry, id: String, _ manager: PoolManager) async throws {
    guard let request = RecordText.record(RequestRecord.self, entry.value),
      request.isMeant(host.name), takesNetdefs
    else { return }
    var answer = AnswerRecord(plans: [], failure: nil)
    for netdef in request.netdefs where answer.failure == nil {
      do { answer.plans.append(PlanReport(try await manager.apply(netdef: netdef, plan: true))) } catch {
        answer.failure = "\(error)"
      }
    }
    // The request may be over, and its lease with it.
    do throws(FleetStoreError) {
      _ = try await commit(
        .init(
          if: [.unchanged(entry.key, since: entry.modified)],
          then: [.put(keys.answer(id, host.name), RecordText.text(of: answer), lease: entry.lease)]))
    } catch {
      if error != .leaseEnded { throw error }
    }
  }

  /// Applies a netdef of the fleet's, unless this host has it already, and says what became of it.
  private func take(_ entry: FleetEntry, _ manager: PoolManager) async throws {
    guard let pool = keys.parse(entry.key)?.words.first,
      let netdef = RecordText.record(NetdefRecord.self, entry.value)
    else { return }
    waitingNetdefs[entry.key] = nil
    guard netdef.isMeant(host.name) else {
      netdefFailures[pool] = nil
      return tellConflicts()
    }
    let key = keys.applied(pool, host.name)
    let known = try await store.commit(.init(then: [.read(key), .read(entry.key)])).read
    // A newer one comes by itself.
    guard known.contains(where: { $0.key == entry.key && $0.modified == entry.modified }) else { return }
    let applied = known.first { $0.key == key }.flatMap { RecordText.record(AppliedRecord.self, $0.value) }
    if applied?.netdef == netdef.at, applied?.failure == nil, applied?.machine == host.machine { return }
    var result = AppliedRecord(netdef: netdef.at, machine: host.machine)
    do {
      let change = AuditEntry(
        time: now(), uid: nil, user: "fleet", pid: nil, operation: "netdef", object: "pool=\(pool) by=\(netdef.by)",
        body: AuditEntry.kept(netdef.xml.utf8))
      try await audit.recorded(change, log, now) {
        _ = try await manager.apply(netdef: netdef.xml, plan: false, ifPlan: netdef.tokens?[host.name])
      }
      netdefFailures[pool] = nil
      log.notice("pool \(pool) is as the fleet's netdef says, which \(netdef.by) has given")
    } catch {
      netdefFailures[pool] = "the fleet's netdef of pool \(pool) is not applied here: \(error)"
      log.warning("the fleet's netdef of pool \(pool) is not applied: \(error)")
      // libvirt or the ledger isn't there: that passes.
      if (error as? FlowError)?.code == .unavailable {
        waitingNetdefs[entry.key] = entry
        return tellConflicts()
      }
      result.failure = "\(error)"
    }
    tellConflicts()
    if result != applied { try await commit([.put(key, RecordText.text(of: result))]) }
  }

  /// Once libvirt is there, those that could not be looked at before.
  func tryWaitingNetdefs(_ manager: PoolManager) {
    guard !waitingNetdefs.isEmpty, !isTryingNetdefs else { return }
    isTryingNetdefs = true
    Task {
      defer { isTryingNetdefs = false }
      guard await manager.isConnected else { return }
      for entry in waitingNetdefs.values.sorted(by: { $0.key < $1.key }) { try await take(entry, manager) }
    }
  }

  // MARK: What this host asks

  /// How long others are waited for.
  static let askPatience = Duration.seconds(30)

  /// What each host would do to have the netdefs; hosts that don't answer in time are named as such.
  public func plan(
    _ netdefs: [String], on hosts: [String]? = nil, except: [String]? = nil
  ) async throws -> FleetPlanReport {
    try await asking { try await self.planNow(netdefs, on: hosts, except) }
  }

  private func planNow(_ netdefs: [String], on hosts: [String]?, _ except: [String]?) async throws -> FleetPlanReport {
    let (wanted, revision) = try await upHosts(hosts, except)
    let lease = try await store.grantLease(seconds: 4 * Int(Self.askPatience.components.seconds))
    let id = "\(host.name)-\(lease)"
    let request = RequestRecord(by: host.name, netdefs: netdefs, hosts: hosts, except: except)
    _ = try await store.commit(.init(then: [.put(keys.request(id), RecordText.text(of: request), lease: lease)]))
    let answers = await collect(AnswerRecord.self, [keys.all(.answers, of: id)], from: wanted, after: revision)
    try? await store.revoke(lease: lease)
    return FleetPlanReport(
      hosts: wanted.sorted().map { name in
        let answer = answers[name]?.first?.value
        return .init(
          host: name, plans: answer?.plans ?? [],
          failure: answer.map(\.failure) ?? "no answer in \(Self.askPatience.components.seconds) s")
      })
  }

  /// Makes netdefs the fleet's: each host does what it planned. Hosts that are off follow when they are back.
  ///
  /// `netdefs`: by pool, in their order. `tokens`: of each host's plans, in that order.
  public func apply(
    _ netdefs: [(pool: String, xml: String)], on hosts: [String]? = nil, except: [String]? = nil,
    tokens: [String: [String]]
  ) async throws -> FleetPlanReport {
    try await asking { try await self.applyNow(netdefs, on: hosts, except, tokens) }
  }

  private func applyNow(
    _ netdefs: [(pool: String, xml: String)], on hosts: [String]?, _ except: [String]?, _ tokens: [String: [String]]
  ) async throws -> FleetPlanReport {
    let (wanted, revision) = try await upHosts(hosts, except)
    let at = now()
    let steps = netdefs.enumerated().map { place, netdef in
      let record = NetdefRecord(
        xml: netdef.xml, by: host.name, at: at, hosts: hosts, except: except,
        tokens: tokens.compactMapValues { place < $0.count ? $0[place] : nil })
      return FleetTransaction.Step.put(keys.netdef(netdef.pool), RecordText.text(of: record))
    }
    try await commit(steps)
    let prefixes = netdefs.map { keys.all(.applied, of: $0.pool) }
    let answers = await collect(AppliedRecord.self, prefixes, from: wanted, after: revision) { $0.netdef == at }
    return FleetPlanReport(
      hosts: wanted.sorted().map { name in
        let mine = answers[name] ?? [:]
        let missing = prefixes.contains { mine[$0] == nil }
        let failure = prefixes.lazy.compactMap { mine[$0]?.failure }.first
        return .init(
          host: name, plans: [],
          failure: failure ?? (missing ? "no answer in \(Self.askPatience.components.seconds) s" : nil))
      })
  }

  /// The hosts that are up and take netdefs, of those that are meant, and the revision at which they were.
  private func upHosts(_ named: [String]?, _ except: [String]?) async throws -> (Set<String>, Int64) {
    let reading = try await store.entries(under: keys.all(.hosts))
    let records = reading.entries.compactMap { RecordText.record(HostRecord.self, $0.value) }
    let up = Set(records.map(\.name))
    if let away = ((named ?? []) + (except ?? [])).first(where: { !up.contains($0) }) {
      throw FlowError(
        .notFound, "host \(away) isn't up in the fleet; there are: \(up.sorted().joined(separator: ", "))")
    }
    let takers = Set(records.filter { $0.takesNetdefs != false }.map(\.name))
    if let unwilling = named?.first(where: { !takers.contains($0) }) {
      throw FlowError(.refused, "host \(unwilling) takes no netdefs (fleet-netdefs = no in its vfpool.conf)")
    }
    return (takers.intersection(named ?? Array(takers)).subtracting(except ?? []), reading.revision)
  }

  /// What hosts write under each of the prefixes, by host and prefix, until all have, or for `askPatience`.
  private func collect<Record: Decodable & Sendable>(
    _ type: Record.Type, _ prefixes: [String], from hosts: Set<String>, after revision: Int64,
    where isMeant: @escaping @Sendable (Record) -> Bool = { _ in true }
  ) async -> [String: [String: Record]] {
    let (store, keys) = (store, keys)
    let found = FoundRecords<Record>()
    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        do {
          for try await changes in store.changes(under: prefixes, after: revision) {
            for case .put(let entry) in changes {
              guard let host = keys.parse(entry.key)?.words.last, hosts.contains(host),
                let prefix = prefixes.first(where: { entry.key.hasPrefix($0) }),
                let record = RecordText.record(Record.self, entry.value), isMeant(record)
              else { continue }
              await found.add(record, host, prefix)
            }
            if await found.count == hosts.count * prefixes.count { return }
          }
        } catch {
          return
        }
      }
      tasks.addTask { try? await Task.sleep(for: Self.askPatience) }
      await tasks.next()
      tasks.cancelAll()
    }
    return await found.records
  }
}

private actor FoundRecords<Record: Sendable> {
  private(set) var records: [String: [String: Record]] = [:]

  var count: Int { records.values.reduce(0) { $0 + $1.count } }

  func add(_ record: Record, _ host: String, _ prefix: String) { records[host, default: [:]][prefix] = record }
}
