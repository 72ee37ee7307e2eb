import ArgumentParser
import ControlAPI

/// `vfpool device reattach DEVICE…`
struct DeviceReattach: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reattach", abstract: "Gives devices back to the host's own drivers.",
    discussion: """
      Done by libvirt, as virsh nodedev-reattach; waits a few seconds for the driver. Refused while a guest or another \
      process has the device.
      """)

  @Argument(help: deviceHelp, completion: .devices) var device: [String]
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let changes = try withProgress("reattaching") { () throws(ControlClientError) in
      try connection.client.reattach(devices: device)
    }
    changes.show(json)
  }
}
