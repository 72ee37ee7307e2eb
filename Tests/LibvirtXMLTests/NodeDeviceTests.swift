import LibvirtXML
import PoolModel
import Testing

struct NodeDeviceTests {
  /// As libvirt 9.0 writes a PF.
  private static let card = """
    <device>
      <name>pci_0000_01_00_0</name>
      <path>/sys/devices/pci0000:00/0000:00:03.0/0000:01:00.0</path>
      <parent>pci_0000_00_03_0</parent>
      <driver>
        <name>igb</name>
      </driver>
      <capability type='pci'>
        <class>0x020000</class>
        <domain>0</domain>
        <bus>1</bus>
        <slot>0</slot>
        <function>0</function>
        <product id='0x10c9'>82576 Gigabit Network Connection</product>
        <vendor id='0x8086'>Intel Corporation</vendor>
        <capability type='virt_functions' maxCount='7'>
          <address domain='0x0000' bus='0x01' slot='0x10' function='0x0'/>
        </capability>
        <iommuGroup number='14'>
          <address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>
        </iommuGroup>
        <pci-express>
          <link validity='cap' port='0' speed='5' width='4'/>
          <link validity='sta' speed='2.5' width='1'/>
        </pci-express>
      </capability>
    </device>
    """

  @Test func aCard() throws {
    let device = try NodeDevice(xml: Self.card)
    #expect(
      device
        == NodeDevice(
          name: "pci_0000_01_00_0", parent: "pci_0000_00_03_0", driver: "igb",
          product: "82576 Gigabit Network Connection", vendor: "Intel Corporation",
          linkLimit: PCIeLink(speed: "5", width: 4), link: PCIeLink(speed: "2.5", width: 1),
          pci: PCIAddress("0000:01:00.0"), vfs: ["0000:01:10.0"].compactMap { PCIAddress($0) }, maxVFs: 7,
          iommuGroup: 14))
    #expect(device.link?.description == "2.5 GT/s x1")
    #expect(PCIeLink(speed: nil, width: 8).description == "x8")
  }

  @Test func aVFHasNoLinkAndAnUnknownDeviceNoNames() throws {
    let device = try NodeDevice(
      xml: """
        <device><name>pci_0000_01_10_0</name><capability type='pci'>
        <product id='0x10ca'/><vendor id='0x8086'></vendor>
        <pci-express><link validity='cap' port='0' width='0'/><link validity='sta' width='0'/></pci-express>
        </capability></device>
        """)
    #expect(device == NodeDevice(name: "pci_0000_01_10_0"))
  }

  @Test(arguments: [
    "<domain/>", "<device/>", "<device><name>computer</name><capability type='system'/></device>", "<device>",
  ])
  func whatIsNoPCIDevice(xml: String) { #expect(throws: XMLProblem.self) { try NodeDevice(xml: xml) } }
}

/// Every capability of PCI devices in libvirt's documentation (`formatnode`).
struct NodeDeviceShapesTests {
  /// A device at 0000:06:12.5 with these parts, as libvirt writes it.
  private func device(_ parts: String) throws -> NodeDevice {
    try NodeDevice(
      xml: """
        <device><name>pci_0000_06_12_5</name><path>/sys/devices/pci0000:00/0000:06:12.5</path>
        <devnode type='dev'>/dev/x</devnode><parent>computer</parent><capability type='pci'>
        <class>0x020000</class><domain>0</domain><bus>6</bus><slot>18</slot><function>5</function>
        <product id='0x1'/><vendor id='0x2'/>\(parts)</capability></device>
        """)
  }

  private let own = PCIAddress(bus: 6, slot: 0x12, function: 5)
  private var bare: NodeDevice { NodeDevice(name: "pci_0000_06_12_5", parent: "computer", pci: own) }

  static let address = "<address domain='0x0000' bus='0x06' slot='0x12' function='0x5'/>"
  static let other = "<address domain='0x0000' bus='0x06' slot='0x00' function='0x0'/>"

  @Test func nothingMore() throws { #expect(try device("") == bare) }

  @Test func aVF() throws {
    var expected = bare
    expected.pf = PCIAddress("0000:06:00.0")
    #expect(try device("<capability type='phys_function'>\(Self.other)</capability>") == expected)
  }

  @Test(arguments: [("maxCount='63'", 63), ("", nil)] as [(String, Int?)])
  func aPF(attributes: String, maxVFs: Int?) throws {
    var expected = bare
    expected.maxVFs = maxVFs
    #expect(try device("<capability type='virt_functions' \(attributes)/>") == expected)
    expected.vfs = ["0000:06:12.5", "0000:06:00.0"].compactMap { PCIAddress($0) }
    #expect(
      try device("<capability type='virt_functions' \(attributes)>\(Self.address)\(Self.other)</capability>")
        == expected)
  }

  @Test func anIOMMUGroup() throws {
    var expected = bare
    expected.iommuGroup = IOMMUGroup(12, others: ["0000:06:00.0"].compactMap { PCIAddress($0) })
    #expect(try device("<iommuGroup number='12'>\(Self.address)\(Self.other)</iommuGroup>") == expected)
    expected.iommuGroup = 12
    #expect(try device("<iommuGroup number='12'/>") == expected)
    #expect(try device("<iommuGroup number='x'/>") == bare)
  }

  @Test func aNUMANode() throws { #expect(try device("<numa node='1'/>").numaNode == 1) }

  @Test func vitalProductData() throws {
    let vpd = try device(
      """
      <capability type='vpd'><name>A card &amp; more</name>
      <fields access='readonly'><change_level>B1</change_level><manufacture_id>4</manufacture_id>
      <part_number>C-1</part_number><serial_number>5&lt;6</serial_number><vendor_field index='Z'>z</vendor_field></fields>
      <fields access='readwrite'><asset_tag>t</asset_tag><system_field index='B'>b</system_field></fields></capability>
      """
    ).productData
    #expect(vpd == NodeDevice.ProductData(name: "A card & more", partNumber: "C-1", serialNumber: "5<6"))
    #expect(try device("<capability type='vpd'/>").productData == NodeDevice.ProductData())
  }

  @Test func mediatedDevices() throws {
    let types = try device(
      """
      <capability type='mdev_types'><type id='nvidia-11'><name>GRID</name><deviceAPI>vfio-pci</deviceAPI>
      <availableInstances>16</availableInstances></type><type id='i915'/></capability>
      """
    ).mediatedTypes
    #expect(types == [.init(id: "nvidia-11", available: 16), .init(id: "i915", available: 0)])
  }

  /// Bridges' header type, and what a later libvirt may say.
  @Test(arguments: [
    "<capability type='pci-bridge'/>", "<capability type='cardbus-bridge'/>", "<capability type='later'>x</capability>",
    "<capability type='phys_function'><address bus='../..' slot='0'/></capability>", "<pci-express/>",
  ])
  func passesOverWhatItDoesNotKnow(part: String) throws { #expect(try device(part) == bare) }

  /// Kinds of devices that aren't on PCI.
  @Test(arguments: [
    "system", "usb_device", "usb", "net", "scsi_host", "scsi", "storage", "drm", "ccw", "css", "vdpa", "mdev",
    "ap_card", "ap_queue", "ap_matrix",
  ])
  func otherKinds(type: String) {
    #expect(throws: XMLProblem.self) {
      try NodeDevice(xml: "<device><name>x</name><capability type='\(type)'/></device>")
    }
  }
}
