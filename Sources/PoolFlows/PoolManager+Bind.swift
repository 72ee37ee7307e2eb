import LibvirtXML
import PoolModel

/// What an admin does to MAC bindings.
extension PoolManager {
  /// Ties a MAC to a NIC for good.
  public func bindMAC(_ request: MACRequest) async throws -> MACOutcome {
    let definitions = try await definitions(for: [request])
    let proposal = await proposal(for: [request].map { (0, .success($0)) }, definitions)
    if let mistake = proposal.mistakes.first?.value { throw mistake }
    guard let binding = proposal.bindings.first?.value else {
      throw FlowError(.invalid, "no NIC is named")
    }
    let notes = proposal.notes + (try await carryOut(proposal))
    return MACOutcome(binding: contents.bindings[binding.key] ?? binding, notes: notes)
  }

  /// Binds all of a list, or tells every mistake in it and binds none.
  public func importMACs(_ entries: [MACImportEntry], plan: Bool, ifPlan token: String? = nil) async throws -> Plan {
    let requests = entries.compactMap { try? $0.request.get() }
    let definitions = try await definitions(for: requests)
    let proposal = await proposal(for: entries.map { ($0.line, $0.request) }, definitions)
    let mistakes = proposal.mistakes.sorted { $0.key < $1.key }
    if let first = mistakes.first {
      throw FlowError(
        first.value.code, mistakes.map { "line \($0.key): \($0.value.message)" }.joined(separator: "\n"))
    }
    var result = Plan(steps: proposal.steps, notes: proposal.notes)
    try result.check(token)
    if plan { return result }
    result.notes += try await carryOut(proposal)
    result.done = true
    return result
  }

  /// Forgets the MACs of a guest, given by name or UUID: of one NIC, or of all (nil). Returns what was bound.
  public func unbindMACs(ofGuest name: String, nic: NICName?) async throws -> [MACBinding] {
    let uuid = GuestID.uuid(name)
    let bindings = contents.bindings.values.filter { binding in
      (binding.guest.name == name || uuid != nil && binding.guest.uuid == uuid)
        && (nic == nil || binding.nicName == nic)
    }.sorted { $0.nicName < $1.nicName }
    if bindings.isEmpty {
      let what = nic.map { "NIC \($0) of guest \(name)" } ?? "guest \(name)"
      throw FlowError(.notFound, "no MAC is bound to \(what); `vfpool mac list` shows those that are")
    }
    for binding in bindings {
      guard let lease = openLease(of: binding) else { continue }
      throw FlowError(
        .refused,
        "guest \(binding.guest.name) runs with \(lease.mac) on NIC \(binding.nicName), which binds it; stop the guest first"
      )
    }
    try await commit(bindings.map { .unbind($0.key) })
    return bindings
  }

  // MARK: How it is decided

  /// Judged by what is so now: nothing is awaited between the last look at memory and the end. Generated MACs that turn
  /// out to be bound elsewhere in the fleet are generated anew.
  private func proposal(
    for requests: [(line: Int, request: Result<MACRequest, FlowError>)], _ definitions: GuestDefinitions
  ) async -> MACProposal {
    var asked: Set<MACAddress> = []
    var elsewhere: [MACAddress: MACElsewhere] = [:]
    var generated: [LedgerContents.BindingKey: MACAddress] = [:]
    while true {
      var proposal = MACProposal(contents)
      proposal.elsewhere = elsewhere
      proposal.generated = generated.filter { elsewhere[$0.value] == nil }
      for (line, request) in requests {
        proposal.line = line
        switch request {
        case .success(let request): propose(request, definitions, to: &proposal)
        case .failure(let error): proposal.mistakes[line] = error
        }
      }
      generated = proposal.generated
      let new = Set(proposal.changed.map(\.mac)).subtracting(asked)
      guard let fleet, !new.isEmpty else {
        judge(&proposal)
        return proposal
      }
      asked.formUnion(new)
      for other in await fleet.binders(of: new, within: turnLimit / 4) { elsewhere[other.mac] = other }
    }
  }

  /// What the guests of a request are now, in libvirt.
  private struct GuestDefinitions {
    /// By name and by UUID.
    var guests: [String: GuestID] = [:]
    /// By UUID.
    var descriptions: [String: GuestDescription] = [:]
  }

  private func definitions(for requests: [MACRequest]) async throws -> GuestDefinitions {
    var found = GuestDefinitions()
    for guest in try await guests.defined() {
      found.guests[guest.name] = guest
      found.guests[guest.uuid] = guest
    }
    for name in Set(requests.map { GuestID.uuid($0.guest) ?? $0.guest }).sorted() {
      guard let guest = found.guests[name] else { continue }
      found.descriptions[guest.uuid] = try await guests.definition(of: guest.uuid)
    }
    return found
  }

  /// Bindings that are asked for, and what speaks against them.
  private struct MACProposal {
    /// As they were.
    let before: [LedgerContents.BindingKey: MACBinding]
    /// The same by guest name.
    let namesakes: [String: [MACBinding]]
    /// Of the request that is looked at.
    var line = 0
    var bindings: [LedgerContents.BindingKey: MACBinding] = [:]
    /// In which line each of `bindings` is asked for.
    var lines: [LedgerContents.BindingKey: Int] = [:]
    /// MACs that were made up.
    var generated: [LedgerContents.BindingKey: MACAddress] = [:]
    /// To whom MACs are bound in the fleet.
    var elsewhere: [MACAddress: MACElsewhere] = [:]
    /// Bindings of earlier guests of the same name that give way.
    var replaced: Set<LedgerContents.BindingKey> = []
    var steps: [String] = []
    var notes: [String] = []
    /// By line.
    var mistakes: [Int: FlowError] = [:]

    init(_ contents: LedgerContents) {
      before = contents.bindings
      namesakes = Dictionary(grouping: before.values, by: \.guest.name)
    }

    /// Those that change something, in the order of their lines.
    var changed: [MACBinding] {
      bindings.values.filter { before[$0.key] != $0 }.sorted {
        (lines[$0.key] ?? 0, $0.nicName) < (lines[$1.key] ?? 0, $1.nicName)
      }
    }
  }

  private func propose(_ request: MACRequest, _ definitions: GuestDefinitions, to proposal: inout MACProposal) {
    do throws(FlowError) {
      if isSoAlready(request) { return }
      let guest = try boundGuest(request, definitions)
      var binding = MACBinding(guest: guest, pool: request.nic.pool, nic: request.nic.position, mac: .zero)
      let old = proposal.before[binding.key] ?? proposal.before[binding.namedKey]
      (binding.lastVF, binding.lastSeen) = (old?.lastVF, old?.lastSeen)
      let nics = guest.uuid.flatMap { definitions.descriptions[$0] }?.nics(ofPool: binding.pool)
      let nic = nics.flatMap { binding.nic < $0.count ? $0[binding.nic] : nil }
      if let mac = request.mac ?? old?.mac ?? nic?.mac {
        binding.mac = mac
      } else {
        let taken = Set(proposal.bindings.values.map(\.mac)).union(proposal.elsewhere.keys)
        if let made = proposal.generated[binding.key] {
          binding.mac = made
        } else {
          binding.mac = try newMAC(besides: taken)
        }
        proposal.generated[binding.key] = binding.mac
      }
      binding.since = since(binding)
      // Bindings outlive their pools.
      if old?.mac != binding.mac { _ = try pool(named: binding.pool) }
      if let line = proposal.lines[binding.key] {
        throw FlowError(.invalid, "NIC \(request.nic) of guest \(guest.name) has a MAC in line \(line) already")
      }
      try check(binding)
      let isDefinedSo = nic.map { $0.mac == binding.mac } ?? true
      binding.isOwed = !isDefinedSo && keepsMACs(binding.pool)
      proposal.bindings[binding.key] = binding
      proposal.lines[binding.key] = proposal.line
      for other in proposal.namesakes[guest.name] ?? []
      where other.nicName == binding.nicName && other.key != binding.key && isOver(other, definitions) {
        proposal.replaced.insert(other.key)
      }
      tell(binding, old, nics, to: &proposal)
    } catch {
      proposal.mistakes[proposal.line] = error
    }
  }

  /// What `mac list` printed here comes back as it was, also that of guests that are no more.
  private func isSoAlready(_ request: MACRequest) -> Bool {
    guard let uuid = request.guestUUID, let mac = request.mac else { return false }
    let key = LedgerContents.BindingKey(guestUUID: uuid, pool: request.nic.pool, nic: request.nic.position)
    return contents.bindings[key]?.mac == mac
  }

  /// A guest that isn't defined is known by its name, until one of that name is.
  private func boundGuest(_ request: MACRequest, _ definitions: GuestDefinitions) throws(FlowError) -> BoundGuest {
    let uuid = GuestID.uuid(request.guest)
    if let guest = definitions.guests[uuid ?? request.guest] { return BoundGuest(guest) }
    let known =
      contents.leases.values.lazy.map(\.guest).first { $0.uuid == uuid || $0.name == request.guest }.map {
        BoundGuest($0)
      }
      ?? contents.bindings.values.lazy.map(\.guest).first { uuid != nil && $0.uuid == uuid }
    if let known { return known }
    if uuid != nil {
      throw FlowError(.notFound, "no guest has the UUID \(request.guest); name a guest that is still to be defined")
    }
    return BoundGuest(name: request.guest, uuid: request.guestUUID.flatMap { GuestID.uuid($0) })
  }

  private func check(_ binding: MACBinding) throws(FlowError) {
    let mac = binding.mac
    if mac.isZero { throw FlowError(.invalid, "\(mac) is no NIC's MAC; leave it out to have one generated") }
    if mac.isMulticast {
      throw FlowError(.invalid, "\(mac) is a multicast address; a NIC's own has an even first octet")
    }
    if let lease = openLease(of: binding), lease.mac != mac {
      throw FlowError(
        .refused,
        "guest \(binding.guest.name) runs with \(lease.mac) on NIC \(binding.nicName), and \(mac) can't be put under it; "
          + "stop the guest first")
    }
  }

  func openLease(of binding: MACBinding) -> Lease? {
    let leases = binding.guest.uuid.map { contents.leases(of: $0) } ?? []
    return leases.first { $0.pool == binding.pool && $0.nic == binding.nic }
  }

  /// Whether a binding's guest is no more.
  private func isOver(_ binding: MACBinding, _ definitions: GuestDefinitions) -> Bool {
    openLease(of: binding) == nil && binding.guest.uuid.flatMap { definitions.guests[$0] } == nil
  }

  private func tell(
    _ binding: MACBinding, _ old: MACBinding?, _ nics: [GuestDescription.NIC]?, to proposal: inout MACProposal
  ) {
    let (guest, nic) = (binding.guest.name, binding.nicName)
    if old?.mac != binding.mac {
      proposal.steps.append(
        "bind \(binding.mac) to NIC \(nic) of guest \(guest)\(old.map { ", which had \($0.mac)" } ?? "")")
    }
    guard let nics else { return }
    guard binding.nic < nics.count else {
      return proposal.notes.append(
        "guest \(guest) is defined with \(nics.count) NICs of pool \(nic.pool): NIC \(nic) isn't among them yet")
    }
    guard let defined = nics[binding.nic].mac, defined != binding.mac else { return }
    if binding.isOwed {
      proposal.steps.append("write \(binding.mac) into the definition of guest \(guest), which has \(defined)")
    } else {
      proposal.notes.append(
        "guest \(guest) is defined with \(defined) for NIC \(nic), and its next start binds that; set \(binding.mac) there "
          + "(`virsh edit \(guest)`), or let pool \(nic.pool) keep MACs (mac=\"keep\")")
    }
  }

  /// A MAC has one guest: what is asked for is looked at together with all that stays.
  private func judge(_ proposal: inout MACProposal) {
    var after = proposal.before.filter { !proposal.replaced.contains($0.key) }
    after.merge(proposal.bindings) { _, new in new }
    let holders = Dictionary(grouping: after.values, by: \.mac)
    for binding in proposal.changed where proposal.before[binding.key]?.mac != binding.mac {
      let (mac, guest, line) = (binding.mac, binding.guest, proposal.lines[binding.key] ?? 0)
      if let other = holders[mac]?.first(where: { $0.guest.name != guest.name }) {
        let place = proposal.bindings[other.key] == nil ? "" : proposal.lines[other.key].map { " in line \($0)" } ?? ""
        proposal.mistakes[line] = FlowError(
          .refused,
          "\(mac) is bound to NIC \(other.nicName) of guest \(other.guest.name)\(place), so guest \(guest.name) can't have "
            + "it; unbind it there first (`vfpool mac unbind \(other.guest.name) \(other.nicName)`)")
      } else if let lease = contents.leases.values.first(where: { $0.mac == mac && $0.guest.name != guest.name }) {
        proposal.mistakes[line] = FlowError(
          .refused,
          "guest \(lease.guest.name) runs with \(mac) on \(lease.place), so guest "
            + "\(guest.name) can't have it; give it another one")
      } else if let other = proposal.elsewhere[mac], !other.guest.isSame(as: guest) {
        proposal.mistakes[line] = FlowError(
          .refused,
          "\(mac) is bound to guest \(other.guest.name) (pool \(other.pool)) on host \(other.host), so guest "
            + "\(guest.name) can't have it; unbind it there first (`vfpool mac unbind \(other.guest.name)`)")
      }
    }
  }

  /// Ledger first, then the definitions; what could not be written yet is told, and tried again.
  private func carryOut(_ proposal: MACProposal) async throws -> [String] {
    let changes = proposal.replaced.map { LedgerChange.unbind($0) } + proposal.changed.map { .bind($0) }
    if !changes.isEmpty { try await commit(changes) }
    var notes: [String] = []
    for guest in Set(proposal.bindings.values.filter(\.isOwed).map(\.guest)).sorted(by: { $0.name < $1.name }) {
      do {
        if let uuid = guest.uuid { try await writeOwedMACs(of: uuid) }
      } catch {
        notes.append("the definition of guest \(guest.name) could not be written, which is tried again: \(error)")
        reconcileSoon()
      }
    }
    return notes
  }
}
