import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool guest attach GUEST`
struct GuestAttach: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attach", abstract: "Plugs a VF of a pool, or another PCI device, into a guest.",
    discussion: """
      \(GuestScopeOptions.discussion)

      A running guest gets a VF at once, chosen as at a start, and keeps it as a lease. A definition names the pool: \
      no VF is taken until the guest starts. What libvirt or the guest can't take is refused before anything changes: \
      a guest without a free PCI place (it says which controller to add), a device that is in use or shares its IOMMU \
      group with one that is (in a definition: one that the host itself uses), a VLAN trunk, a virtualport other than 802.1Qbh. If a part fails, all is taken back.

      --multifunction gives a card with several functions to a guest as the one card that it is: all functions of the \
      device's slot, in one slot of the guest's. Guests can't be given that while they run, so it goes into the \
      definition.

      --teaming makes the VF the faster half of a virtio fail-over pair: it gets the MAC of a virtio NIC that has an \
      <alias name='ua-…'/> and <teaming type='persistent'/>.
      """)

  @Argument(help: .init("The guest: its name or UUID.", valueName: "guest"), completion: .guests) var guest: String
  @Option(help: .init("The pool that gives a VF.", valueName: "P"), completion: .pools) var pool: String?
  @Option(help: .init("One of the pool's portgroups.", valueName: "name")) var portgroup: String?
  @Option(
    help: .init("A device that no pool hands out: its PCI address, or as in device show.", valueName: "device"),
    completion: .devices)
  var device: String?
  @Option(help: "The NIC's MAC (default: the one it had, or a new one).") var mac: MACAddress?
  @Option(help: .init("VLAN id 1...4094 (default: the pool's).", valueName: "id"), transform: Self.vlan) var vlan:
    UInt16?
  @Option(help: .init("The port profile of 802.1Qbh.", valueName: "id")) var profile: String?
  @Option(help: .init("The MAC of the virtio NIC that the VF stands in for.", valueName: "mac")) var teaming:
    MACAddress?
  @Flag(help: "All functions of the device's slot, in one slot of the guest's.") var multifunction = false
  @OptionGroup var scope: GuestScopeOptions
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if (pool == nil) == (device == nil) { throw ValidationError("give either --pool P or --device DEVICE") }
    if portgroup != nil, pool == nil { throw ValidationError("--portgroup belongs to --pool") }
    if teaming != nil, pool == nil { throw ValidationError("--teaming needs a VF of a pool: --pool P") }
    if multifunction, device == nil { throw ValidationError("--multifunction belongs to --device") }
    if multifunction, scope.live {
      throw ValidationError(
        "--multifunction changes the definition only (--config): running guests get single functions")
    }
    if multifunction, mac != nil || vlan != nil || profile != nil {
      throw ValidationError("--mac, --vlan and --profile are of one function: leave out --multifunction")
    }
    if profile != nil, vlan != nil {
      throw ValidationError("a NIC with a port profile gets its VLAN from the switch: leave out --vlan")
    }
    if let mac, let teaming, mac != teaming {
      throw ValidationError("both NICs of a fail-over pair have one MAC: leave out --mac")
    }
  }

  func run() throws {
    let what = GuestAttachment(
      pool: pool, portgroup: portgroup, device: device, mac: mac, vlan: vlan, profile: profile, teaming: teaming,
      multifunction: multifunction ? true : nil, live: scope.live, config: scope.config)
    let change = try withProgress("attaching to \(guest)") { () throws(ControlClientError) in
      try connection.client.attach(guest: guest, what)
    }
    json.print(change) { change.text }
  }

  private static func vlan(_ text: String) throws -> UInt16 {
    if let id = Int(text), VLANTag.isUsable(id: id) { return UInt16(id) }
    if text.contains(where: { ",- ".contains($0) }) {
      throw ValidationError(
        "a VF carries one VLAN, not a trunk: attach a NIC for each VLAN, or leave --vlan out and let the guest tag its frames"
      )
    }
    throw ValidationError("--vlan is 1...4094, not \(text)")
  }
}

extension GuestChange {
  /// A line, and one for each note.
  var text: String { noted("guest \(guest) \(done)", notes) }
}
