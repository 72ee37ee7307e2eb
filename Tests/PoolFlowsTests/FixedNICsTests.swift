import LibvirtXML
import PoolModel
import Testing

@testable import PoolFlows

struct FixedNICsTests {
  private static let (first, second) = (MACAddress(value: 1), MACAddress(value: 2))
  private static let vf = PCIAddress(bus: 1, slot: 0x10, function: 0)
  private static let start = ContinuousClock.now

  private static func guest(_ name: String, _ macs: MACAddress...) -> GuestDescription {
    GuestDescription(
      guest: GuestID(name: name, uuid: name),
      nics: macs.enumerated().map { .init(source: .hostdev(vf), mac: $1, vlan: VLANTag(id: 7), index: $0) },
      hostdevs: [])
  }

  private func table(_ guests: GuestDescription..., begin: ContinuousClock.Instant? = nil) -> FixedNICs {
    guests.reduce(into: FixedNICs()) { $0.note($1, at: begin) }
  }

  private func names(_ table: FixedNICs, _ mac: MACAddress) -> [String] {
    table.nics(withMAC: mac).map(\.guest.name)
  }

  @Test func whatIsNotedTakesThePlaceOfWhatWas() {
    var table = table(Self.guest("b", Self.first), Self.guest("a", Self.first, Self.second))
    #expect(names(table, Self.first) == ["a", "b"] && names(table, Self.second) == ["a"])
    #expect(table.nics(withMAC: Self.second).map(\.vlan) == [7])
    table.note(Self.guest("a", Self.first), at: nil)
    #expect(names(table, Self.first) == ["a", "b"] && Array(table.macs) == [Self.first])
    table.note(Self.guest("a", Self.first), at: nil) { _ in false }
    #expect(names(table, Self.first) == ["b"] && !table.hasNICs(ofGuest: "a"))
    #expect(table.forget(guest: "b") && !table.forget(guest: "b"))
    #expect(Array(table.macs).isEmpty)
  }

  @Test func othersThanNICsWithVFsAreNone() {
    var guest = Self.guest("a", Self.first)
    guest.nics[0].source = .network(name: "p", portgroup: nil)
    guest.nics.append(.init(source: .hostdev(Self.vf), mac: nil, index: 1))
    guest.hostdevs = [Self.vf]
    #expect(!table(guest).hasNICs(ofGuest: "a"))
  }

  /// Seconds from the start to the reading; whether the reading has the guest; the MAC that counts.
  @Test(arguments: [
    (3, false, [first]), (3, true, [second]), (5, false, []), (5, true, [second]), (-1, false, [first]),
    (-1, true, [first]),
  ])
  func startsThatAReadingMayNotShowAreKept(_ age: Int, _ isRead: Bool, _ macs: [MACAddress]) {
    var read = isRead ? table(Self.guest("a", Self.second)) : table()
    read.keepStarts(
      of: table(Self.guest("a", Self.first), begin: Self.start), readSince: Self.start + .seconds(age),
      patience: .seconds(4))
    #expect(Array(read.macs) == macs)
  }

  @Test func runningGuestsAreAsTheyWereRead() {
    var read = table()
    read.keepStarts(of: table(Self.guest("a", Self.first)), readSince: Self.start, patience: .seconds(4))
    #expect(!read.hasNICs(ofGuest: "a"))
  }
}
