import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool mac unbind GUEST NIC`
struct MACUnbind: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unbind", abstract: "Forgets the MAC of a NIC, or with --all of all NICs of a guest.",
    discussion: """
      The guest's definition stays as it is. Refused while the NIC has a VF: its guest would bind the MAC again.

        vfpool mac unbind web tenant-a
        vfpool mac unbind web --all
      """)

  @Argument(help: "The guest's name or UUID.", completion: .guests) var guest: String
  @Argument(help: "The NIC: POOL, or POOL/POSITION from 0.", completion: .pools) var nic: NICName?
  @Flag(help: "All that are bound to the guest.") var all = false
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if (nic == nil) != all { throw ValidationError("name one NIC, as POOL or POOL/POSITION, or say --all") }
  }

  func run() throws {
    let rows = try connection.client.unbind(guest: guest, nic: nic)
    json.print(rows) {
      rows.map { row in
        let nic = NICName(pool: row.pool, position: row.nic)
        return printable("\(row.mac) is bound no more to NIC \(nic) of guest \(row.guest)") + "\n"
      }.joined()
    }
  }
}
