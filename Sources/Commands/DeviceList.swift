import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool device list`
struct DeviceList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists PCI devices, their drivers and IOMMU groups.",
    discussion: """
      Left out unless you say --all: bridges and ports, which nobody can be given, and the chipset's own parts without \
      a driver (memory controllers, performance counters and the like).

      IN USE says why a device can't be detached now, - that it can. Names come from pci.ids; without that file there \
      are numbers, as lspci -n shows them.
      """)

  @Flag(help: "Every device, bridges and ports too.") var all = false
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions
  @Flag(help: .hidden) var names = false

  func run() throws {
    let devices = try connection.client.devices().filter { all || !$0.isPlumbing }
    // For completion: a shell takes an address' colons for ends of words.
    guard !names else { return Console.current.write(devices.map { $0.libvirtName + "\n" }.joined()) }
    json.print(devices, DeviceRow.columns, none: "this host has no PCI devices")
  }
}

extension DeviceRow {
  static let columns: [Column<DeviceRow>] = [
    Column("DEVICE") { Cell($0.pci.short) },
    Column("LIBVIRT", optional: true) { Cell($0.libvirtName) },
    Column("KIND", optional: true) { Cell($0.kind.rawValue) },
    Column("DRIVER") { Cell($0.driver, $0.driver.map(PCIDevice.isVFIO) == true ? .boldBlue : nil) },
    Column("GROUP", .right, optional: true) { Cell($0.iommuGroup) },
    Column("NETDEV", optional: true) { Cell($0.netdevs.isEmpty ? nil : $0.netdevs.joined(separator: ",")) },
    Column("NAME") { Cell($0.fullName) },
    Column("IN USE", optional: true) { Cell($0.inUse, .yellow) },
  ]

  /// As lspci has it: `Ethernet controller: Intel Corporation 82576 Gigabit Network Connection (rev 01)`; numbers where
  /// names are missing, `0200: 8086:10c9`.
  var fullName: String {
    let revision = revision.flatMap { $0 == "00" ? nil : " (rev \($0))" } ?? ""
    let what =
      switch (vendorName, deviceName) {
      case (let vendorName?, let deviceName?): "\(vendorName) \(deviceName)"
      case (let vendorName?, nil): "\(vendorName) Device \(device)"
      default: "\(vendor):\(device)"
      }
    return "\(className ?? `class`): \(what)\(revision)"
  }

  /// What no admin looks for: bridges, and parts of the chipset that nothing drives.
  fileprivate var isPlumbing: Bool {
    kind == .bridge || driver == nil && ["05", "08", "11"].contains(`class`.prefix(2))
  }
}
