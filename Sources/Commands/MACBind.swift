import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool mac bind GUEST NIC [MAC]`
struct MACBind: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bind", abstract: "Ties a MAC to a NIC of a guest, for good.",
    discussion: """
      The guest need not be defined yet: the MAC then waits for a guest of that name. Without MAC the NIC keeps the one that \
      it has by binding or definition, else one is generated (mac-prefix in vfpool.conf).

      The guest's definition decides what it starts with. In a pool with mac="keep" it is given the MAC; in others a guest \
      that is defined with another MAC binds that at its next start, and you are told.

      Refused: a MAC that is bound to another guest or that one runs with, and another MAC for a NIC that runs.

        vfpool mac bind web tenant-a 52:54:00:12:34:56
        vfpool mac bind db tenant-a/1
      """)

  @Argument(help: "The guest's name or UUID.", completion: .guests) var guest: String
  @Argument(help: "The NIC: POOL, or POOL/POSITION from 0.", completion: .pools) var nic: NICName
  @Argument(help: "The MAC; without it one is found.") var mac: MACAddress?
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let change = try connection.client.bind(guest: guest, nic: nic, mac: mac)
    json.print(change) { change.text }
  }
}

extension MACChange {
  /// For people, with line breaks.
  fileprivate var text: String {
    let nic = NICName(pool: binding.pool, position: binding.nic)
    let line =
      "\(binding.mac) is bound to NIC \(nic) of guest \(binding.guest)"
      + (binding.guestUUID == nil ? ", which isn't defined yet" : "")
    return noted(line, notes)
  }
}
