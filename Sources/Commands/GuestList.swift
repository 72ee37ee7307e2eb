import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool guest list`
struct GuestList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists guests with their NICs, VFs and passed-through devices.",
    discussion: """
      IN says whether the running guest has it (live), its definition (config), or both. LEASE is leaving while a guest \
      that was asked to let a device go hasn't answered.
      """)

  @Option(help: .init("Only this guest: its name or UUID.", valueName: "G"), completion: .guests) var guest: String?
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let guests = try connection.client.guests().filter { guest == nil || $0.name == guest || $0.uuid == guest }
    if json.isOn { return json.print(guests) { "" } }
    let lines = guests.flatMap { guest -> [GuestLine] in
      guest.devices.isEmpty
        ? [GuestLine(guest: guest, device: nil)] : guest.devices.map { GuestLine(guest: guest, device: $0) }
    }
    json.print(lines, GuestLine.columns, none: guest == nil ? "libvirt has no guests" : "libvirt has no such guest")
  }
}

/// A line of the table: a device, or a guest that has none.
private struct GuestLine: Encodable {
  var guest: GuestRow
  var device: GuestDeviceRow?

  static let columns: [Column<GuestLine>] = [
    Column("GUEST") { Cell($0.guest.name, .boldBlue) },
    Column("STATE") { $0.guest.running ? Cell("running", .green) : Cell("shut off") },
    Column("MAC") { Cell($0.device?.mac) },
    Column("POOL") { Cell($0.device?.pool) },
    Column("VF") { Cell(VFIndex(pf: $0.device?.pf, index: $0.device?.index)) },
    Column("DEVICE", optional: true) { Cell($0.device?.pci?.short) },
    Column("IN") { Cell($0.device?.places) },
    Column("LEASE") { line in
      line.device?.leaving == true ? Cell("leaving", .yellow) : Cell(line.device?.lease?.rawValue)
    },
  ]
}

extension GuestDeviceRow {
  fileprivate var places: String {
    [live ? "live" : nil, config ? "config" : nil].compactMap(\.self).joined(separator: ",")
  }
}
