import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool device show DEVICE`
struct DeviceShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows all that is known of one PCI device, and who shares its IOMMU group.",
    discussion: """
      A guest gets an IOMMU group as a whole. What still has a driver of the host's keeps the group from guests and is \
      marked as blocking; bridges and ports never do.
      """)

  @Argument(help: deviceHelp, completion: .devices) var device: String
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let report = try connection.client.device(device)
    json.print(report) { report.text(Console.current.style) }
  }
}

/// How a device is named.
let deviceHelp: ArgumentHelp = "The device: its PCI address, libvirt's name for it, PF/INDEX or its interface."

extension DeviceReport {
  /// The device for people.
  func text(_ style: Style) -> String {
    var fields = FieldList()
    row.add(to: &fields)
    if let libvirt {
      fields.add("libvirt's parent", libvirt.parent)
      if let link = libvirt.link {
        fields.add("PCIe link", link + (libvirt.linkLimit.map { $0 == link ? "" : ", could be \($0)" } ?? ""))
      }
    }
    for note in notes { fields.add("note", note, .yellow) }
    guard !companions.isEmpty else { return fields.text(style) }
    return fields.text(style) + "\nalso in IOMMU group \(row.iommuGroup.map(String.init) ?? "-"):\n"
      + Table(companions, DeviceCompanion.columns).text(style)
  }
}

extension DeviceCompanion {
  static let columns: [Column<DeviceCompanion>] = [
    Column("DEVICE") { Cell($0.row.pci.short) },
    Column("BLOCKS") { $0.blocks ? Cell("yes", .red) : Cell("no") },
    Column("DRIVER") { Cell($0.row.driver) },
    Column("NAME") { Cell($0.row.fullName) },
  ]
}

extension DeviceRow {
  fileprivate func add(to fields: inout FieldList) {
    fields.add("device", pci)
    fields.add("libvirt's name", libvirtName)
    fields.add("name", fullName)
    fields.add("ids", "\(`class`): \(vendor):\(device)" + (subsystem.map { ", subsystem \($0)" } ?? ""))
    fields.add("kind", kind.rawValue)
    if let vf { fields.add("VF", vf) }
    if let pf { fields.add("PF", pf) }
    if let numVFs, let totalVFs { fields.add("VFs", "\(numVFs) of at most \(totalVFs)") }
    fields.add("driver", driver)
    if let driverOverride { fields.add("only driver", driverOverride) }
    fields.add("netdev", netdevs.isEmpty ? nil : netdevs.joined(separator: ", "))
    fields.add("NUMA node", numaNode)
    fields.add("IOMMU group", iommuGroup)
    fields.add("reset by", resetMethods.isEmpty ? nil : resetMethods.joined(separator: ", "))
    if let pool { fields.add("pool", pool) }
    if let guest { fields.add("guest", guest, .boldBlue) }
    fields.add("in use", inUse.map { "it \($0)" } ?? "no: it can be detached", inUse == nil ? .green : .yellow)
  }

  private var subsystem: String? {
    // Bridges have zeroes where they have none.
    subsystemVendor.flatMap { vendor in vendor == "0000" ? nil : subsystemDevice.map { "\(vendor):\($0)" } }
  }
}
