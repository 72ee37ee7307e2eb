import ArgumentParser
import ControlAPI

/// `vfpool pool stop P`
struct PoolStop: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stops a pool's network; guests that have its VFs keep them until they stop.")

  @Argument(help: "The pool.", completion: .pools) var pool: String
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let report = try withProgress("working on \(pool)") { () throws(ControlClientError) in
      try connection.client.stop(pool: pool)
    }
    try report.show(pool, json)
  }
}
