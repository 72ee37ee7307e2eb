import PoolModel
import Testing

@testable import Sysfs

@Suite struct PCINameFileTests {
  private static let content = """
    #
    #\tList of PCI ID's
    10c9  Not this one
    8085  Before
    \t10c9  Wrong vendor
    8086  Intel Corporation
    \t10c9  82576 Gigabit Network Connection
    \t\t103c 31ef  NC362i Integrated Dual port Gigabit Server Adapter
    \t10ca  82576 Virtual Function
    # a remark
    \t10cb  Other
    8087  Behind
    \t10ca  Wrong again
    1af4  Red Hat, Inc.
    C 01  Mass storage controller
    \t08  Non-Volatile memory controller
    \t\t02  NVM Express
    C 02  Network controller
    \t00  Ethernet controller
    \t01  Token ring network controller
    C 03  Display controller

    """

  private func names(_ wanted: [PCIIDs], in text: String = content) throws -> PCINames {
    let fake = try FakeSysfs()
    try fake.file("misc/pci.ids", text)
    return PCINameFile(paths: [fake.root + "/none", fake.root + "/misc/pci.ids"]).names(of: wanted)
  }

  @Test func onlyWhatIsWanted() throws {
    let card = PCIIDs(deviceClass: 0x0200, vendor: 0x8086, device: 0x10c9)
    let disk = PCIIDs(deviceClass: 0x0108, vendor: 0x1af4, device: 0x1042)
    #expect(
      try names([card, disk, card])
        == PCINames(
          vendors: [0x8086: "Intel Corporation", 0x1af4: "Red Hat, Inc."],
          devices: [0x8086_10c9: "82576 Gigabit Network Connection"],
          classes: [0x0200: "Ethernet controller", 0x0108: "Non-Volatile memory controller"],
          baseClasses: [0x01: "Mass storage controller", 0x02: "Network controller"]))
  }

  @Test func unknownDevicesHaveNoNames() throws {
    let unknown = PCIIDs(deviceClass: 0x4000, vendor: 0x1d0f, device: 0xefa0)
    #expect(try names([unknown]) == PCINames())
    #expect(try names([]) == PCINames())
  }

  /// Without the file, or with another one in its place.
  @Test(arguments: [
    "", "\n", "8086", "C", "C 02", "\t", "\u{0}\u{1}\u{2}\n\n\t\t\t\n80 86  x\n", "8086 \n\t10c9 \nC 02 ",
  ])
  func whatIsNoListOfNames(text: String) throws {
    let card = PCIIDs(deviceClass: 0x0200, vendor: 0x8086, device: 0x10c9)
    #expect(try names([card], in: text).devices[0x8086_10c9] ?? "" == "")
    #expect(PCINameFile(paths: ["/nonexistent/pci.ids"]).names(of: [card]) == PCINames())
  }

  @Test func aLastLineWithoutAnEnd() throws {
    let card = PCIIDs(deviceClass: 0x0200, vendor: 0x8086, device: 0x10c9)
    #expect(try names([card], in: "8086  Intel\n\t10c9  Card").deviceName(card) == "Card")
  }
}
