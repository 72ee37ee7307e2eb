import LibvirtXML
import PoolModel

/// A NIC whose VF its guest names by address.
struct FixedNIC: Hashable {
  var guest: GuestID
  var vf: PCIAddress
  var mac: MACAddress
  /// Nil = untagged.
  var vlan: UInt16?
}

/// Such NICs of running guests, and of those whose start is under way: libvirt makes no port for them, and hooks can't ask
/// for guests.
struct FixedNICs {
  private struct Entry {
    var nics: [FixedNIC]
    /// When the guest's start began; nil = it runs.
    var begin: ContinuousClock.Instant?
  }

  /// By the guest's UUID; none is empty.
  private var entries: [String: Entry] = [:]
  /// The UUIDs of the guests that have a MAC.
  private var guests: [MACAddress: Set<String>] = [:]

  var macs: some Collection<MACAddress> { guests.keys }

  func hasNICs(ofGuest uuid: String) -> Bool { entries[uuid] != nil }

  /// By guest.
  var all: [FixedNIC] { entries.sorted { $0.key < $1.key }.flatMap(\.value.nics) }

  func nics(withMAC mac: MACAddress) -> [FixedNIC] {
    (guests[mac] ?? []).sorted().flatMap { entries[$0]?.nics.filter { $0.mac == mac } ?? [] }
  }

  /// Takes the NICs of a guest's XML that are wanted instead of what was known of it.
  ///
  /// `begin`: the guest is being started; nil = it runs.
  mutating func note(
    _ guest: GuestDescription, at begin: ContinuousClock.Instant?, where isWanted: (PCIAddress) -> Bool = { _ in true }
  ) {
    let nics = guest.nics.compactMap { nic in
      guard let vf = nic.vf, let mac = nic.mac, isWanted(vf) else { return nil as FixedNIC? }
      return FixedNIC(guest: guest.guest, vf: vf, mac: mac, vlan: nic.vlan?.id)
    }
    set(nics.isEmpty ? nil : Entry(nics: nics, begin: begin), guest.guest.uuid)
  }

  /// Whether there was any.
  @discardableResult
  mutating func forget(guest uuid: String) -> Bool {
    let had = hasNICs(ofGuest: uuid)
    set(nil, uuid)
    return had
  }

  /// Takes over what `earlier` has of starts that these, read since `reading`, may not show: of later ones, and of those up
  /// to `patience` before whose guests aren't there.
  mutating func keepStarts(of earlier: FixedNICs, readSince reading: ContinuousClock.Instant, patience: Duration) {
    for (uuid, entry) in earlier.entries {
      guard let begin = entry.begin, begin > (hasNICs(ofGuest: uuid) ? reading : reading - patience) else { continue }
      set(entry, uuid)
    }
  }

  private mutating func set(_ entry: Entry?, _ uuid: String) {
    for mac in Set(entries[uuid]?.nics.map(\.mac) ?? []) {
      guests[mac]?.remove(uuid)
      if guests[mac]?.isEmpty == true { guests[mac] = nil }
    }
    for nic in entry?.nics ?? [] { guests[nic.mac, default: []].insert(uuid) }
    entries[uuid] = entry
  }
}
