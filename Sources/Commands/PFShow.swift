import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool pf show PF`
struct PFShow: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "Shows one PF and its VFs.")

  @Argument(help: "The PF: its netdev's name or its PCI address.", completion: .pfs) var pf: String
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let pfs = try connection.client.pfs()
    guard
      let row = pfs.first(where: {
        $0.name == pf || $0.altNames.contains(pf) || $0.pci != nil && $0.pci == PCIAddress(pf)
      })
    else {
      let known = pfs.isEmpty ? "the host has no PF" : "there are \(pfs.map(\.name).joined(separator: ", "))"
      throw CommandError(.notFound, "no PF ‘\(pf)’: \(known)")
    }
    guard !json.isOn else { return json.print(row) { "" } }
    let vfs = try connection.client.vfs(pf: row.name)
    Console.current.write(row.text(vfs, Console.current.style))
  }
}

extension PFRow {
  /// The PF and its VFs for people.
  func text(_ vfs: [VFRow], _ style: Style) -> String {
    var fields = FieldList()
    fields.add("PF", name)
    if !altNames.isEmpty { fields.add("also called", altNames.joined(separator: ", ")) }
    if !otherNetdevs.isEmpty { fields.add("further ports", otherNetdevs.joined(separator: ", ")) }
    fields.add("PCI address", pci)
    fields.add("driver", driver)
    fields.add("MAC", mac)
    fields.add("MTU", mtu)
    fields.add("NUMA node", numaNode)
    fields.add("IOMMU group", iommuGroup.map { "\($0)" + iommuGroupOthers.sharing })
    fields.add("carrier", carrier.map { $0 ? "yes" : "no" } ?? "unknown: the interface is down")
    fields.add("VFs", "\(numVFs) of at most \(totalVFs): \(leased) leased, \(free) free")
    fields.add("speed", speed.map { "\($0) Mbit/s" })
    fields.add("new VFs", autoprobe.map { $0 ? "get their driver by themselves" : "stay without a driver" })
    if let eswitchMode { fields.add("switch mode", eswitchMode) }
    if let unsupported { fields.add("not served", unsupported, .red) }
    return fields.text(style) + (vfs.isEmpty ? "" : "\n" + Table(vfs, VFRow.columns).text(style))
  }
}
