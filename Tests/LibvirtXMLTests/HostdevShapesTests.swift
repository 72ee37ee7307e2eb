import LibvirtXML
import PoolModel
import Testing

/// Every way in which libvirt's documentation of domains gives a host's device to a guest (`formatdomain`).
@Suite struct HostdevShapesTests {
  static func domain(_ devices: String) -> String {
    "<domain type='kvm'><name>a</name><uuid>5d1f3a57-6b0e-4d4b-9d0e-3f2f8c8f0a01</uuid>"
      + "<devices>\(devices)</devices></domain>"
  }

  static let address = "<address domain='0x0000' bus='0x06' slot='0x12' function='0x5'/>"

  static let hostdevs: [(String, String?)] = [
    ("<hostdev mode='subsystem' type='pci' managed='yes'><source>\(address)</source></hostdev>", "0000:06:12.5"),
    ("<hostdev mode='subsystem' type='pci' managed='no'><source>\(address)</source></hostdev>", "0000:06:12.5"),
    ("<hostdev mode='subsystem' type='pci'><source>\(address)</source></hostdev>", "0000:06:12.5"),
    ("<hostdev type='pci'><source>\(address)</source></hostdev>", "0000:06:12.5"),
    // Decimal, octal, without domain or function, with the type, a domain of more than 16 bits.
    (
      "<hostdev type='pci'><source><address domain='0' bus='6' slot='18' function='5'/></source></hostdev>",
      "0000:06:12.5"
    ),
    ("<hostdev type='pci'><source><address bus='06' slot='022'/></source></hostdev>", "0000:06:12.0"),
    (
      "<hostdev type='pci'><source><address type='pci' domain='0x10000' bus='0x1' slot='0' function='0'/></source></hostdev>",
      "10000:01:00.0"
    ),
    // What stands beside the source is the guest's.
    (
      "<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio' model='mlx5_vfio_pci'/>"
        + "<source startupPolicy='optional' writeFiltering='no'>\(address)</source><boot order='1'/>"
        + "<rom bar='on' file='/usr/share/x.rom'/><alias name='ua-nic0'/><teaming type='transient' persistent='ua-b0'/>"
        + "<acpi index='7'/><address type='pci' domain='0x0000' bus='0x00' slot='0x07' function='0x0'/></hostdev>",
      "0000:06:12.5"
    ),
    (
      "<hostdev type='pci'><driver name='kvm'/><rom enabled='no'/><source>\(address)</source></hostdev>", "0000:06:12.5"
    ),
    (
      "<hostdev type='pci'><source>\(address)</source><address type='pci'><zpci uid='0x1' fid='0x2'/></address></hostdev>",
      "0000:06:12.5"
    ),
    ("<hostdev type='pci'><source><!-- moved --><address bus='1' slot='2'/></source></hostdev>", "0000:01:02.0"),
    // Other devices, and what can't be a PCI address.
    (
      "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev>", nil
    ),
    ("<hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>", nil),
    (
      "<hostdev mode='subsystem' type='scsi' sgio='filtered' rawio='yes'><source><adapter name='scsi_host0'/>"
        + "<address bus='0' target='0' unit='0'/></source></hostdev>", nil
    ),
    (
      "<hostdev mode='subsystem' type='scsi'><source protocol='iscsi' name='iqn.2014-08.com.example:x/1'>"
        + "<host name='example.org' port='3260'/></source></hostdev>", nil
    ),
    ("<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.50014'/></hostdev>", nil),
    (
      "<hostdev mode='subsystem' type='mdev' model='vfio-pci' display='on'>"
        + "<source><address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source></hostdev>", nil
    ),
    ("<hostdev mode='capabilities' type='storage'><source><block>/dev/sdf1</block></source></hostdev>", nil),
    ("<hostdev mode='capabilities' type='misc'><source><char>/dev/input/event3</char></source></hostdev>", nil),
    ("<hostdev mode='capabilities' type='net'><source><interface>eth0</interface></source></hostdev>", nil),
    ("<hostdev mode='capabilities' type='pci'><source>\(address)</source></hostdev>", nil),
    ("<hostdev type='pci'/>", nil), ("<hostdev type='pci'><source/></hostdev>", nil), ("<hostdev/>", nil),
    ("<hostdev type='pci'>\(address)</hostdev>", nil),
    ("<hostdev type='pci'><source><address bus='../../1' slot='$(reboot)'/></source></hostdev>", nil),
    ("<hostdev type='pci'><source><address bus='0x1ff' slot='0'/></source></hostdev>", nil),
    ("<h:hostdev xmlns:h='urn:h' type='pci'><source>\(address)</source></h:hostdev>", nil),
  ]

  @Test(arguments: hostdevs)
  func hostdev(xml: String, pci: String?) throws {
    let guest = try GuestDescription(xml: Self.domain(xml))
    #expect(guest.hostdevs.map(\.description) == [pci].compactMap(\.self))
    #expect(guest.nics.isEmpty)
  }

  static let mac = "<mac address='52:54:00:6d:90:02'/>"
  static let vf = PCIAddress(bus: 7, slot: 0x10, function: 2)
  static let source = "<source><address type='pci' domain='0x0000' bus='0x07' slot='0x10' function='0x2'/></source>"

  static func nic(
    _ source: GuestDescription.NIC.Source, mac: String? = "52:54:00:6d:90:02", vlan: UInt16? = nil
  ) -> GuestDescription.NIC {
    .init(source: source, mac: mac.flatMap { MACAddress($0) }, vlan: vlan.map { VLANTag(id: $0) }, index: 0)
  }

  static let interfaces: [(String, GuestDescription.NIC)] = [
    ("<interface type='hostdev' managed='yes'>\(source)\(mac)</interface>", nic(.hostdev(vf))),
    ("<interface type='hostdev' managed='no'>\(mac)\(source)</interface>", nic(.hostdev(vf))),
    ("<interface type='hostdev'>\(source)</interface>", nic(.hostdev(vf), mac: nil)),
    (
      "<interface type='hostdev'><source><address bus='7' slot='16' function='2'/></source>\(mac)</interface>",
      nic(.hostdev(vf))
    ),
    (
      "<interface type='hostdev' managed='yes'><driver name='vfio' model='mlx5_vfio_pci'/>\(mac)\(source)"
        + "<virtualport type='802.1Qbh'><parameters profileid='finance'/></virtualport><boot order='1'/>"
        + "<rom bar='off'/><alias name='ua-x'/><teaming type='transient' persistent='ua-backup0'/></interface>",
      nic(.hostdev(vf))
    ),
    (
      "<interface type='hostdev'>\(mac)\(source)<vlan><tag id='42'/></vlan></interface>",
      nic(.hostdev(vf), vlan: 42)
    ),
    (
      "<interface type='hostdev'>\(mac)\(source)<vlan trunk='yes'><tag id='42'/><tag id='123' nativeMode='untagged'/>"
        + "</vlan></interface>", nic(.hostdev(vf))
    ),
    // The documentation's own MACs have an octet of one digit.
    (
      "<interface type='hostdev'><mac address='52:54:0:6d:90:2'/>\(source)</interface>", nic(.hostdev(vf))
    ),
    ("<interface type='hostdev'>\(mac)<source/></interface>", nic(.hostdev(nil))),
    ("<interface type='hostdev'>\(mac)</interface>", nic(.hostdev(nil))),
    (
      "<interface type='hostdev'>\(mac)<source><address type='usb' bus='0' device='2'/></source></interface>",
      nic(.hostdev(nil))
    ),
    ("<interface type='network'>\(mac)<source network='p'/></interface>", nic(.network(name: "p", portgroup: nil))),
    (
      "<interface type='network'>\(mac)<source network='p' portgroup='g' portid='\(uuid)' bridge='br0'/>"
        + "<actual type='hostdev' managed='yes'>\(source)</actual><bandwidth><inbound average='1'/></bandwidth>"
        + "<model type='virtio'/></interface>", nic(.network(name: "p", portgroup: "g"))
    ),
    (
      "<interface type='network'>\(mac)<source network='../$(x)&#10;&quot;'/></interface>",
      nic(.network(name: "../$(x)\n\"", portgroup: nil))
    ),
    ("<interface type='network'>\(mac)</interface>", nic(.other)),
    ("<interface type='bridge'>\(mac)<source bridge='br0' network='p'/></interface>", nic(.other)),
    ("<interface type='direct'>\(mac)<source dev='enp1s0f0v3' mode='passthrough'/></interface>", nic(.other)),
    ("<interface type='vdpa'>\(mac)<source dev='/dev/vhost-vdpa-0'/></interface>", nic(.other)),
    ("<interface type='vhostuser'>\(mac)<source type='unix' path='/x' mode='server'/></interface>", nic(.other)),
    ("<interface>\(mac)</interface>", nic(.other)),
    ("<interface type='user'><mac address='not:a:mac'/></interface>", nic(.other, mac: nil)),
  ]

  static let uuid = "7ae63b5f-fe96-4af0-a7c3-da04ba1b3f54"

  @Test(arguments: interfaces)
  func interface(xml: String, expected: GuestDescription.NIC) throws {
    let guest = try GuestDescription(xml: Self.domain(xml))
    #expect(guest.nics == [expected])
    #expect(guest.hostdevs.isEmpty)
  }

  @Test func devicesInSeveralPartsAreOneList() throws {
    let xml = Self.domain(
      "\(Self.interfaces[0].0)</devices><devices>\(Self.interfaces[11].0)\(Self.hostdevs[0].0)")
    let guest = try GuestDescription(xml: xml)
    #expect(guest.nics.map(\.index) == [0, 1])
    #expect(guest.nics.map(\.vf) == [Self.vf, nil])
    #expect(guest.hostdevs.count == 1)
  }
}
