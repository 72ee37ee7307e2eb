import ArgumentParser
import ControlAPI

/// `vfpool fleet forget`
struct FleetForget: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forget", abstract: "Takes a netdef, or a host that is no more, out of the fleet.",
    discussion: """
      A pool's netdef is no longer given to hosts that join; those that have the pool keep it.

      A host that was scrapped, or has another name now, leaves the MACs that were bound there: they are free from then on, \
      or belong to a host that has the same guests. Should it come back, MACs that others have taken meanwhile stay \
      theirs.

        vfpool fleet forget tenant-a
        vfpool fleet forget --host kvm7
      """)

  @Argument(help: .init("The pool.", valueName: "pool"), completion: .pools) var pool: String?
  @Option(help: .init("A host that is not in the fleet now.", valueName: "H")) var host: String?
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if (pool == nil) == (host == nil) { throw ValidationError("name a pool, or a host with --host") }
  }

  func run() throws {
    if let host {
      let rows = try connection.client.fleetForget(host: host)
      return json.print(rows) {
        rows.map { printable("\($0.mac) is bound no more to guest \($0.guest) on host \(host)") + "\n" }.joined()
          + "host \(printable(host)) is forgotten\n"
      }
    }
    let pool = pool ?? ""
    let left = try connection.client.fleetForget(pool: pool)
    json.print(left) { "netdef \(printable(pool)) is no longer the fleet's; each host keeps its pool\n" }
  }
}
