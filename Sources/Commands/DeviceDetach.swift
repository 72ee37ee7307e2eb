import ArgumentParser
import ControlAPI

/// `vfpool device detach DEVICE…`
struct DeviceDetach: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detach", abstract: "Takes devices from the host and binds them to vfio-pci, ready for a guest.",
    discussion: """
      Done by libvirt, as virsh nodedev-detach. A guest whose <hostdev> says managed='yes' doesn't need it: \
      libvirt then does it at each start.

      Refused, with the reason and the way out, for what is in use: a card that carries the host's default route, also \
      below a bridge, bond or VLAN; a PF with VFs; a VF of a pool or in a guest; an interface with an address or in a \
      bridge or bond; a controller whose disk is mounted or swap space; bridges and ports. All devices are checked \
      before the first one is touched.
      """)

  @Argument(help: deviceHelp, completion: .devices) var device: [String]
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let changes = try withProgress("detaching") { () throws(ControlClientError) in
      try connection.client.detach(devices: device)
    }
    changes.show(json)
  }
}

extension [DeviceChange] {
  /// One device is an object in JSON, several are an array.
  func show(_ json: JSONOption) {
    if count == 1 { json.print(self[0]) { self[0].text } } else { json.print(self) { map(\.text).joined() } }
  }
}

extension DeviceChange {
  /// A line, and one for each note.
  fileprivate var text: String {
    let name = "\(row.pci)" + (row.vf.map { " (VF \($0))" } ?? "")
    return noted("\(name) \(done)", notes)
  }
}
