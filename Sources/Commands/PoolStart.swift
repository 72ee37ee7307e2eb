import ArgumentParser
import ControlAPI

/// `vfpool pool start P`
struct PoolStart: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Starts a pool's network.")

  @Argument(help: "The pool.", completion: .pools) var pool: String
  @OptionGroup var json: JSONOption
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let report = try withProgress("working on \(pool)") { () throws(ControlClientError) in
      try connection.client.start(pool: pool)
    }
    try report.show(pool, json)
  }
}
