import LibvirtXML
import PoolModel
import Testing

@Suite struct XMLTreeDevicesTests {
  private static let domain = """
    <domain type="kvm">
      <name>web</name>
      <uuid>c0ffee00-0000-4000-8000-200000000001</uuid>
      <devices>
        <emulator>/bin/x</emulator>
      </devices>
      <devices xmlns="urn:other"/>
    </domain>

    """

  @Test func addsThemAndLeavesAllElse() throws {
    var tree = try XMLTree(xml: Self.domain, limit: XMLTree.libvirtLimit)
    let pci = PCIAddress(bus: 7, slot: 0, function: 2)
    let (first, second) = (
      pci.hostdevXML(at: PCIAddress(bus: 5, slot: 0, function: 0)),
      pci.hostdevXML(at: PCIAddress(bus: 5, slot: 0, function: 1))
    )
    try tree.add(devices: [first, second])
    #expect(tree.xml == Self.domain.replacing("\n  </devices>", with: "\n  \(first)\(second)</devices>"))
    #expect(first.contains(#"function="0x0" multifunction="on"/>"#) && !second.contains("multifunction"))
    let devices = try GuestDocument(xml: tree.xml).devices
    #expect(devices.map(\.pci) == [pci, pci])
    #expect(
      devices.map(\.place) == [PCIAddress(bus: 5, slot: 0, function: 0), PCIAddress(bus: 5, slot: 0, function: 1)])
  }

  @Test func brokenXMLIsRefused() throws {
    var tree = try XMLTree(xml: Self.domain, limit: XMLTree.libvirtLimit)
    #expect(throws: XMLProblem.self) { try tree.add(devices: ["<hostdev>"]) }
    #expect(tree.xml == Self.domain)
  }
}
