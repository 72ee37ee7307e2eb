import LibvirtXML
import PoolModel
import Testing

@Suite struct GuestDocumentTests {
  private static func domain(_ devices: String) -> String {
    "<domain><name>web</name><uuid>5d1f3a57-6b0e-4d4b-9d0e-3f2f8c8f0a01</uuid><devices>\(devices)</devices></domain>"
  }

  @Test func devicesAreAsLibvirtTakesThemBack() throws {
    let vf = """
      <interface type='hostdev' managed='yes'><mac address='52:54:00:00:00:04'/><source><address type='pci' \
      domain='0x0000' bus='0x01' slot='0x10' function='0x4'/></source><teaming type='transient' persistent='ua-a'/>\
      <alias name='hostdev0'/><address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/></interface>
      """
    let document = try GuestDocument(
      xml: Self.domain(
        """
        <interface type='bridge'><mac address='52:54:00:00:00:04'/><source bridge='br0'/><alias name='ua-a'/>
          <teaming type='persistent'/></interface>
        <interface type='network'><source network='a' portgroup='p'/></interface>\(vf)
        <hostdev mode='subsystem' type='pci'><source><address domain='0' bus='2' slot='0' function='0'/></source></hostdev>
        <hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>
        """))
    #expect(document.description.guest.name == "web")
    #expect(document.devices.map(\.kind) == [.nic, .nic, .nic, .hostdev])
    #expect(document.devices.map(\.alias) == ["ua-a", nil, "hostdev0", nil])
    #expect(document.devices.map(\.teaming) == [.persistent, nil, .transient(persistent: "ua-a"), nil])
    #expect(document.devices.map(\.pci?.description) == [nil, nil, "0000:01:10.4", "0000:02:00.0"])
    #expect(document.devices[1].source == .network(name: "a", portgroup: "p"))
    #expect(document.devices[2].xml == vf.replacing("'", with: "\""))
  }

  // MARK: Places for PCI devices

  private static func port(_ index: Int, _ inside: String = "") -> String {
    "<controller type='pci' index='\(index)' model='pcie-root-port'>\(inside)</controller>"
  }

  private static func device(_ bus: Int, slot: Int = 0) -> String {
    "<interface type='user'><address type='pci' domain='0' bus='\(bus)' slot='\(slot)' function='0'/></interface>"
  }

  private static func pci(_ devices: String...) throws -> GuestPCI {
    try GuestDocument(xml: domain(devices.joined())).pci
  }

  private static let pcieRoot = "<controller type='pci' index='0' model='pcie-root'/>"
  private static let pciRoot = "<controller type='pci' index='0' model='pci-root'/>"

  @Test func aPortTakesOneDevice() throws {
    let pci = try Self.pci(
      Self.pcieRoot, Self.port(1), Self.port(2), Self.port(3), Self.device(2), Self.device(0, slot: 2))
    #expect(pci.root == .pcie)
    #expect(pci.freePlaces == 2)
    #expect(pci.shortage(of: 2, guest: "web") == nil)
    #expect(pci.shortage(of: 3, guest: "web")?.contains("only 2 free places") == true)
  }

  @Test func thePortToAddIsNamed() throws {
    let pci = try Self.pci(Self.pcieRoot, Self.port(1), Self.device(1))
    #expect(
      pci.shortage(of: 1, guest: "web")
        == "guest web has no free place for a device while it runs: all its pcie-root-ports are taken; add "
        + "<controller type='pci' model='pcie-root-port'/> to its definition (virt-xml web --add-device --controller "
        + "type=pci,model=pcie-root-port) and start it anew")
  }

  @Test func whatTakesNothingWhileTheGuestRunsDoesNotCount() throws {
    let bridge = "<controller type='pci' index='2' model='pcie-to-pci-bridge'/>"
    #expect(try Self.pci(Self.pcieRoot).freePlaces == 0)
    #expect(try Self.pci(Self.pcieRoot, Self.port(1, "<target hotplug='off'/>"), bridge).freePlaces == 0)
    let unknown = try Self.pci(Self.device(1))
    #expect(unknown.root == nil)
    #expect(unknown.shortage(of: 1, guest: "web") == nil)
  }

  @Test func functionsOfOneDeviceGetAPortOfTheirOwn() throws {
    let slot = try #require(try Self.pci(Self.pcieRoot, Self.port(1), Self.port(4)).freeSlot)
    #expect((slot.bus, slot.slot) == (5, 0))
    let port = try #require(slot.controller)
    #expect(
      port == #"<controller type="pci" index="5" model="pcie-root-port"><alias name="ua-vfpool-slot-5"/></controller>"#)
    // What an earlier device has left serves again, unless something is in it.
    let left = try #require(try Self.pci(Self.pcieRoot, Self.port(1), port, Self.port(6)).freeSlot)
    #expect((left.bus, left.slot) == (5, 0) && left.controller == nil)
    let taken = try #require(try Self.pci(Self.pcieRoot, Self.port(1), port, Self.port(6), Self.device(5)).freeSlot)
    #expect(taken.bus == 7 && taken.controller != nil)
    #expect(try Self.pci(Self.pcieRoot, Self.port(255)).freeSlot == nil)
    #expect(try Self.pci(Self.device(1)).freeSlot == nil)
  }

  @Test func functionsOfOneDeviceGetAFreeSlot() throws {
    let slot = try #require(try Self.pci(Self.pciRoot, Self.device(0, slot: 3)).freeSlot)
    #expect(slot.bus == 0 && slot.slot == 4 && slot.controller == nil)
    let full = [Self.pciRoot] + (2...31).map { Self.device(0, slot: $0) }
    #expect(try Self.pci(full.joined()).freeSlot == nil)
    let bridge = "<controller type='pci' index='1' model='pci-bridge'/>"
    let onBridge = try #require(try Self.pci((full + [bridge]).joined()).freeSlot)
    #expect(onBridge.bus == 1 && onBridge.slot == 1)
  }

  /// 31 slots a bus, of which the chipset has the first.
  @Test func theThirtyFirstDeviceNeedsABridge() throws {
    let devices = (2...31).map { Self.device(0, slot: $0) }
    #expect(try Self.pci(Self.pciRoot).freePlaces == 30)
    let full = try Self.pci(([Self.pciRoot] + devices).joined())
    #expect(full.freePlaces == 0)
    #expect(full.shortage(of: 1, guest: "web")?.contains("<controller type='pci' model='pci-bridge'/>") == true)
    let bridge = "<controller type='pci' index='1' model='pci-bridge'/>"
    #expect(try Self.pci(([Self.pciRoot, bridge] + devices + [Self.device(1, slot: 4)]).joined()).freePlaces == 30)
  }
}
