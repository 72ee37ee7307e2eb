import ArgumentParser
import ControlAPI

/// `vfpool fleet forget POOL`
struct FleetForget: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forget",
    abstract: "Stops giving a pool's netdef to hosts that join; those that have the pool keep it.")

  @Argument(help: .init("The pool.", valueName: "pool"), completion: .pools) var pool: String
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let left = try connection.client.fleetForget(pool: pool)
    json.print(left) { "netdef \(printable(pool)) is no longer the fleet's; each host keeps its pool\n" }
  }
}
