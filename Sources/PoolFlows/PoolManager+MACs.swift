import LibvirtXML
import Logging
import PoolModel

/// MACs that NICs keep: bound to a guest that is defined anew, and written into its definition.
extension PoolManager {
  /// A MAC that no binding and no open lease has.
  ///
  /// `taken`: others that it must not be either.
  func newMAC(besides taken: Set<MACAddress> = []) throws(FlowError) -> MACAddress {
    var generator = SystemRandomNumberGenerator()
    guard let mac = macPrefix.address(besides: guestMACs().union(taken), using: &generator) else {
      throw FlowError(
        .refused, "all MACs that begin with \(macPrefix) are taken; set another mac-prefix in vfpool.conf")
    }
    return mac
  }

  /// One that isn't bound on another host of the fleet either.
  func freshMAC(besides taken: Set<MACAddress>) async throws(FlowError) -> MACAddress {
    var taken = taken
    while true {
      let mac = try newMAC(besides: taken)
      guard let fleet, await !fleet.binders(of: [mac], within: turnLimit / 4).isEmpty else { return mac }
      taken.insert(mac)
    }
  }

  /// Whether guests that are defined anew get the MACs that are bound to them (`mac="keep"`).
  func keepsMACs(_ pool: String) -> Bool {
    contents.pools[pool].map { $0.mode == .enforce && $0.mac == .keep } ?? false
  }

  /// The binding of the same NIC that the guest's definition is still to get.
  func owedBinding(for binding: MACBinding) -> MACBinding? {
    contents.bindings[binding.namedKey] ?? contents.bindings[binding.key].flatMap { $0.isOwed ? $0 : nil }
  }

  /// A guest was defined that wasn't before: what is bound to it, or to its name, it gets back. A definition that only
  /// changes is the admin's wish, and isn't told here.
  public func guestDefined(_ guest: GuestID) async {
    do { try await takeBindings(of: guest) } catch { log.warning("guest \(guest.name): \(error)") }
    let known = contents.bindings.values.filter { $0.guest.uuid == guest.uuid || $0.guest.name == guest.name }
    if known.isEmpty { return }
    do {
      // Owed from now on, even if libvirt can't be asked before the next reconciling.
      let own = known.filter { $0.guest.uuid == guest.uuid && !$0.isOwed && keepsMACs($0.pool) }
      if !own.isEmpty { try await commit(own.map { .bind($0.owed(true)) }) }
      _ = try await keepMACs(of: guest)
    } catch {
      log.warning("guest \(guest.name) has not got its MACs yet: \(error)")
      reconcileSoon()
    }
  }

  /// Gives a defined guest the bindings that wait for its name, and its definition the MACs that it is to get. False: it
  /// isn't defined any more.
  func keepMACs(of guest: GuestID) async throws -> Bool {
    let defined = Set(try await guests.defined().map(\.uuid))
    guard defined.contains(guest.uuid) else { return false }
    let named = contents.bindings.values.filter { $0.guest.name == guest.name }
    let changes = inheritance(of: guest, unclaimed(named, by: guest, defined))
    if !changes.isEmpty { try await commit(changes) }
    try await writeOwedMACs(of: guest.uuid)
    return true
  }

  /// Those of a name's bindings that no other guest has any more: one that is defined under that name gets them.
  func unclaimed(_ named: [MACBinding], by guest: GuestID, _ defined: Set<String>) -> [MACBinding] {
    named.filter { binding in
      guard let uuid = binding.guest.uuid else { return true }
      return uuid != guest.uuid && !defined.contains(uuid) && !runningGuests.contains(uuid)
    }
  }

  /// What was bound for a guest of this name goes before what it had itself, and that before what an earlier guest of the
  /// name had.
  private func inheritance(of guest: GuestID, _ unclaimed: [MACBinding]) -> [LedgerChange] {
    Dictionary(grouping: unclaimed, by: \.nicName).sorted { $0.key < $1.key }.flatMap { _, bindings in
      let gone = bindings.map { LedgerChange.unbind($0.key) }
      guard var heir = bindings.first(where: { $0.guest.uuid == nil }) ?? bindings.max(by: MACBinding.isOlder) else {
        return gone
      }
      let isPromised = heir.guest.uuid == nil
      // Of another guest it is another binding.
      if !isPromised { heir.since = now() }
      heir.guest = BoundGuest(guest)
      if let own = contents.bindings[heir.key] {
        guard isPromised else { return gone }
        (heir.lastVF, heir.lastSeen) = (own.lastVF, own.lastSeen)
      }
      return gone + [.bind(heir.owed(keepsMACs(heir.pool)))]
    }
  }

  /// Writes into a guest's definition what it is still to get of its MACs.
  func writeOwedMACs(of uuid: String) async throws {
    let owed = contents.bindings.values.filter { $0.isOwed && $0.guest.uuid == uuid }
    let kept = owed.filter { keepsMACs($0.pool) }
    guard !owed.isEmpty, try await guests.setMACs(ofGuest: uuid, { Self.macs(kept, in: $0) }) else { return }
    for binding in kept {
      log.info("guest \(binding.guest.name) is defined with \(binding.mac) for \(binding.nicName)")
    }
    commitLater(
      owed.compactMap { written in
        guard let now = contents.bindings[written.key], now.mac == written.mac else { return nil }
        return .bind(now.owed(false))
      })
  }

  /// What must change in a definition so that it has the MACs of `bindings`, by `NIC.index`.
  private static func macs(_ bindings: [MACBinding], in definition: GuestDescription) -> [Int: MACAddress] {
    var macs: [Int: MACAddress] = [:]
    for binding in bindings {
      let nics = definition.nics(ofPool: binding.pool)
      guard binding.nic < nics.count, nics[binding.nic].mac != binding.mac else { continue }
      macs[nics[binding.nic].index] = binding.mac
    }
    return macs
  }

  /// `defined`: libvirt's guests, just read.
  func macDrifts(_ defined: [GuestID]) -> [Drift] {
    let uuids = Set(defined.map(\.uuid))
    let named = Dictionary(grouping: contents.bindings.values, by: \.guest.name)
    let owed = Set(contents.bindings.values.lazy.filter(\.isOwed).compactMap(\.guest.uuid))
    return defined.sorted { $0.name < $1.name }.compactMap { guest in
      if !unclaimed(named[guest.name] ?? [], by: guest, uuids).isEmpty { return .definedAnew(guest) }
      return owed.contains(guest.uuid) ? .macsOwed(guest) : nil
    }
  }
}

extension MACBinding {
  func owed(_ isOwed: Bool) -> MACBinding {
    var binding = self
    binding.isOwed = isOwed
    return binding
  }

  fileprivate static func isOlder(_ a: MACBinding, _ b: MACBinding) -> Bool {
    (a.lastSeen?.milliseconds ?? 0) < (b.lastSeen?.milliseconds ?? 0)
  }
}
