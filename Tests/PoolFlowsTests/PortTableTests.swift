import LibvirtXML
import PoolModel
import Testing

@testable import PoolFlows

struct PortTableTests {
  private static let vf = PCIAddress(bus: 1, slot: 0x10, function: 0)
  private static let other = PCIAddress(bus: 1, slot: 0x10, function: 2)
  private static let guest = GuestID(name: "web", uuid: "u")

  private func port(_ uuid: String, _ vf: PCIAddress?, guest: GuestID = guest) -> NetworkPort {
    NetworkPort(uuid: uuid, owner: guest, mac: .zero, vf: vf)
  }

  @Test func claimsFollowThePorts() {
    var ports = PortTable([port("a", Self.vf), port("a", Self.other), port("b", nil)])
    #expect(ports.claimedVFs == [Self.vf])
    #expect(ports.values.count == 2)
    #expect(ports.hasGuestPort(on: Self.vf))
    #expect(ports.guestPort(on: Self.vf)?.uuid == "a")
    let hold = NetworkPort(Hold(port: "h", pool: "p", vf: Self.vf, guest: nil))
    ports["h"] = hold
    ports["a"] = nil
    #expect(ports.isClaimed(Self.vf))
    #expect(!ports.hasGuestPort(on: Self.vf))
    ports["h"] = port("h", Self.other)
    #expect(ports.claimedVFs == [Self.other])
    #expect(ports["h"]?.vf == Self.other)
    ports["h"] = nil
    ports["h"] = nil
    #expect(ports.claimedVFs.isEmpty)
  }
}
