import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool guest detach GUEST`
struct GuestDetach: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detach", abstract: "Takes a VF or another PCI device out of a guest.",
    discussion: """
      \(GuestScopeOptions.discussion)

      A running guest is asked, and lets the device go when its system is through with it; then the VF is restored and \
      its lease closed. A guest that refuses, or doesn't answer in time, keeps both, and its definition stays as it is; \
      should it let go later, the VF is returned then.

      A plain device that is managed goes back to its driver on the host by itself, others by vfpool device reattach.
      """)

  @Argument(help: .init("The guest: its name or UUID.", valueName: "guest"), completion: .guests) var guest: String
  @Option(help: "The MAC of the NIC.") var mac: MACAddress?
  @Option(
    help: .init("The device: its PCI address, libvirt's name for it, or PF/INDEX.", valueName: "device"),
    completion: .devices)
  var device: String?
  @Option(help: .init("How long a running guest has to let it go.", valueName: "seconds")) var timeout =
    GuestDetachment.defaultTimeout
  @OptionGroup var scope: GuestScopeOptions
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if (mac == nil) == (device == nil) { throw ValidationError("give either --mac MAC or --device DEVICE") }
    if !GuestDetachment.timeouts.contains(timeout) {
      throw ValidationError("--timeout is \(GuestDetachment.timeouts) seconds, not \(timeout)")
    }
  }

  func run() throws {
    let what = GuestDetachment(mac: mac, device: device, live: scope.live, config: scope.config, timeout: timeout)
    let change = try withProgress("waiting for guest \(guest) to let it go") { () throws(ControlClientError) in
      try connection.client.detach(guest: guest, what)
    }
    json.print(change) { change.text }
  }
}
