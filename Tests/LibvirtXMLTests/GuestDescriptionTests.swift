import LibvirtXML
import PoolModel
import Testing

@Suite struct GuestDescriptionTests {
  let uuid = "5d1f3a57-6b0e-4d4b-9d0e-3f2f8c8f0a01"

  @Test func readsADefinition() throws {
    // As virt-install --network network=tenant-vlan,portgroup=finance … writes it.
    let guest = try GuestDescription(
      xml: """
        <domain type='kvm'>
          <name>web1</name>
          <uuid>5d1f3a57-6b0e-4d4b-9d0e-3f2f8c8f0a01</uuid>
          <metadata>
            <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
              <libosinfo:os id="http://debian.org/debian/12"/>
            </libosinfo:libosinfo>
          </metadata>
          <memory unit='KiB'>2097152</memory>
          <devices>
            <emulator>/usr/bin/qemu-system-x86_64</emulator>
            <interface type='bridge'>
              <mac address='52:54:00:00:00:01'/>
              <source bridge='br0'/>
            </interface>
            <interface type='network'>
              <mac address='52:54:00:AA:00:02'/>
              <source network='tenant-vlan' portgroup='finance'/>
              <vlan><tag id='44'/></vlan>
              <model type='virtio'/>
            </interface>
            <interface type='network'>
              <source network='spread'/>
              <vlan trunk='yes'><tag id='1'/><tag id='2'/></vlan>
            </interface>
            <interface type='hostdev' managed='yes'>
              <mac address='52:54:00:00:00:04'/>
              <source><address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x4'/></source>
            </interface>
            <interface type='user'/>
            <hostdev mode='subsystem' type='pci' managed='yes'>
              <source><address domain='0x0000' bus='0x02' slot='0x11' function='0x2'/></source>
              <address type='pci' domain='0x0000' bus='0x06' slot='0x00' function='0x0'/>
            </hostdev>
            <hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>
            <hostdev mode='capabilities' type='misc'><source><char>/dev/x</char></source></hostdev>
          </devices>
        </domain>
        """)
    #expect(guest.guest == GuestID(name: "web1", uuid: uuid))
    #expect(
      guest.nics == [
        .init(source: .other, mac: MACAddress("52:54:00:00:00:01"), index: 0),
        .init(
          source: .network(name: "tenant-vlan", portgroup: "finance"), mac: MACAddress("52:54:00:aa:00:02"),
          vlan: VLANTag(id: 44), index: 1),
        .init(source: .network(name: "spread", portgroup: nil), mac: nil, index: 2),
        .init(source: .hostdev(PCIAddress("0000:01:10.4")), mac: MACAddress("52:54:00:00:00:04"), index: 3),
        .init(source: .other, mac: nil, index: 4),
      ])
    #expect(guest.nics.map(\.vf?.description) == [nil, nil, nil, "0000:01:10.4", nil])
    #expect(guest.hostdevs.map(\.description) == ["0000:02:11.2"])
    #expect(guest.nics(ofPool: "spread").map(\.index) == [2])
    #expect(guest.nics(ofPool: "br0").isEmpty)
  }

  @Test func readsARunningGuest() throws {
    // What a hook gets from `start` on, and what dumpxml shows: the network's name is gone.
    let guest = try GuestDescription(
      xml: """
        <domain type='qemu' id='3' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
          <name>a1</name>
          <uuid>5d1f3a57-6b0e-4d4b-9d0e-3f2f8c8f0a01</uuid>
          <devices>
            <interface type='hostdev' managed='yes'>
              <mac address='52:54:00:aa:00:01'/>
              <driver name='vfio'/>
              <source>
                <address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x0'/>
              </source>
              <alias name='hostdev0'/>
              <address type='pci' domain='0x0000' bus='0x01' slot='0x01' function='0x0'/>
            </interface>
          </devices>
          <qemu:commandline><qemu:arg value='-x'/></qemu:commandline>
        </domain>
        """)
    #expect(
      guest.nics == [
        .init(source: .hostdev(PCIAddress("0000:01:10.0")), mac: MACAddress("52:54:00:aa:00:01"), index: 0)
      ])
    #expect(guest.hostdevs.isEmpty)
  }

  @Test func takesOddNamesAsTheyAre() throws {
    let guest = try GuestDescription(
      xml: "<domain><name>../\"it's\"&#10;&lt;x></name><uuid>5D1F3A576B0E4D4B9D0E3F2F8C8F0A01</uuid></domain>")
    #expect(guest == GuestDescription(guest: GuestID(name: "../\"it's\"\n<x>", uuid: uuid), nics: [], hostdevs: []))
  }

  @Test(arguments: [
    "<network/>", "<domain/>", "<domain><name>a</name></domain>", "<domain><name>a</name><uuid>b</uuid></domain>",
    "<domain><name/><uuid>5d1f3a57-6b0e-4d4b-9d0e-3f2f8c8f0a01</uuid></domain>", "",
  ])
  func refuses(_ xml: String) {
    #expect(throws: XMLProblem.self) { try GuestDescription(xml: xml) }
  }

  static let beginnings = [
    "<domain type='qemu' id='3'>\n  <name>a &amp; b</name>\n  <uuid>5d1f3a57-6b0e-4d4b-9d0e-3f2f8c8f0a01</uuid>\n",
    "<domain><title>t</title><uuid>5d1f3a57-6b0e-4d4b-9d0e-3f2f8c8f0a01</uuid><name>a &amp; b</name>",
    "<domain><description><!-- </uuid> --></description><name>a &amp; b</name>"
      + "<uuid>5d1f3a57-6b0e-4d4b-9d0e-3f2f8c8f0a01</uuid>",
    "<!-- long -->" + String(repeating: " ", count: 3000)
      + "<domain><name>a &amp; b</name><uuid>5d1f3a57-6b0e-4d4b-9d0e-3f2f8c8f0a01</uuid>",
  ]

  @Test(arguments: beginnings)
  func whoseDomainItIs(beginning: String) throws {
    let whole = beginning + "<devices/></domain>"
    let expected = GuestID(name: "a & b", uuid: uuid)
    #expect(try GuestID(domain: whole.utf8) == expected)
    #expect(try GuestDescription(xml: whole).guest == expected)
  }

  @Test func domainsWithoutIdentityAreRefused() {
    #expect(throws: XMLProblem.self) { try GuestID(domain: "<domain><name>x</name></domain>".utf8) }
    #expect(throws: XMLProblem.self) { try GuestID(domain: "no XML".utf8) }
  }

  @Test(
    arguments: [
      ("", [], []), ("<numatune><memory mode='strict' nodeset='0-1,^0'/></numatune>", [1], []),
      ("<numatune><memory mode='strict' placement='auto'/></numatune><vcpu cpuset='2'>1</vcpu>", [], [2]),
      (
        "<numatune><memory nodeset='0'/><memnode cellid='0' mode='strict' nodeset='2'/></numatune><vcpu>1</vcpu>",
        [0, 2], []
      ),
      ("<vcpu placement='static' cpuset='0-3,^2,8'>2</vcpu>", [], [0, 1, 3, 8]),
      (
        "<vcpu cpuset='0-7'>2</vcpu><cputune><shares>9</shares><vcpupin vcpu='0' cpuset='4'/>"
          + "<vcpupin vcpu='1' cpuset='6'/><emulatorpin cpuset='1'/></cputune>", [], [4, 6]
      ), ("<vcpu cpuset='many'>2</vcpu>", [], []),
    ] as [(String, Set<Int>, Set<Int>)])
  func readsWhereItRuns(_ part: String, nodes: Set<Int>, cpus: Set<Int>) throws {
    let guest = try GuestDescription(xml: "<domain><name>a</name><uuid>\(uuid)</uuid>\(part)</domain>")
    #expect(guest.memoryNodes == nodes)
    #expect(guest.cpus == cpus)
  }
}
