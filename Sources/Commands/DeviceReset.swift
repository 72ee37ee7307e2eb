import ArgumentParser
import ControlAPI

/// `vfpool device reset DEVICE…`
struct DeviceReset: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reset", abstract: "Resets devices that nobody uses.",
    discussion: """
      Done by libvirt, as virsh nodedev-reset. libvirt leaves devices alone that a guest's start resets anyway: those on \
      vfio-pci, and those that can reset a single function (FLR, see “reset by” in vfpool device show); it is said then.

      Refused while a guest or process has the device, while its interface is up, and for whatever else keeps a device \
      from being detached. For a VF of a pool: vfpool vf reset.
      """)

  @Argument(help: deviceHelp, completion: .devices) var device: [String]
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let changes = try withProgress("resetting") { () throws(ControlClientError) in
      try connection.client.reset(devices: device)
    }
    changes.show(json)
  }
}
