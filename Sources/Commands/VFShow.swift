import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool vf show VF`
struct VFShow: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "Shows all that is known of one VF.")

  @Argument(help: "The VF: PF/INDEX or its PCI address.", completion: .vfs) var vf: String
  @Flag(help: "Also what the VF has sent and received: some cards are slow to tell.") var counters = false
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let row = try connection.client.vf(named: vf, counters: counters)
    json.print(row) { row.text(Console.current.style) }
  }
}

extension ControlClient {
  /// The VF that people call `enp1s0/3` or `0000:01:10.6`.
  func vf(named name: String, counters: Bool = false) throws -> VFRow {
    let pci = PCIAddress(name)
    let rows = try vfs(counters: counters)
    if let row = rows.first(where: { $0.name == name || pci != nil && $0.pci == pci }) { return row }
    // The PF may be meant by another of its names.
    if let slash = name.lastIndex(of: "/"),
      let pf = try pfs().first(where: { $0.altNames.contains(String(name[..<slash])) }),
      let row = rows.first(where: { $0.name == pf.name + name[slash...] })
    {
      return row
    }
    throw CommandError(.notFound, "no VF ‘\(name)’: see vfpool vf list")
  }
}

extension [PCIAddress] {
  /// Who else is in an IOMMU group, as the end of a line.
  var sharing: String { isEmpty ? "" : ", with \(map(\.description).joined(separator: ", "))" }
}

extension VFCounters {
  fileprivate var received: String {
    "\(rxPackets) packets (\(broadcast) broadcast, \(multicast) multicast), \(rxBytes) bytes, \(rxDropped) dropped"
  }
  fileprivate var sent: String { "\(txPackets) packets, \(txBytes) bytes, \(txDropped) dropped" }
}

extension VFRow {
  /// The VF for people.
  func text(_ style: Style) -> String {
    let onOff = { (isOn: Bool?) in isOn.map { $0 ? "on" : "off" } }
    let rate = { (rate: UInt32?, none: String) in rate.map { $0 == 0 ? none : "\($0) Mbit/s" } }
    var fields = FieldList()
    fields.add("VF", name)
    fields.add("PCI address", pci)
    fields.add("state", state.rawValue, state.paint)
    if let why { fields.add("why", why) }
    fields.add("pool", pool)
    fields.add("guest", guest)
    if let leaseMac { fields.add("guest's MAC", leaseMac) }
    fields.add("MAC", mac)
    fields.add("VLAN", vlan.map { "\($0) qos \(qos ?? 0) \(vlanProto?.rawValue ?? "")" } ?? "none")
    fields.add("trust", onOff(trust))
    fields.add("spoof check", onOff(spoofchk))
    fields.add("link state", linkState?.rawValue)
    fields.add("minimal rate", rate(minTxRate, "none"))
    fields.add("maximal rate", rate(maxTxRate, "unlimited"))
    fields.add("MTU", mtu)
    fields.add("netdev", netdev)
    fields.add("driver", driver)
    fields.add("NUMA node", numaNode)
    fields.add("IOMMU group", iommuGroup.map { "\($0)" + iommuGroupOthers.sharing })
    if let representor { fields.add("representor", representor) }
    if let rssQuery { fields.add("RSS query", onOff(rssQuery)) }
    if let broadcast, broadcast != MACAddress(value: .max) { fields.add("broadcast", broadcast) }
    if let nodeGUID { fields.add("node GUID", nodeGUID) }
    if let portGUID { fields.add("port GUID", portGUID) }
    if let counters {
      fields.add("received", counters.received)
      fields.add("sent", counters.sent)
    }
    return fields.text(style)
  }
}
