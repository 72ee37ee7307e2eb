import ArgumentParser
import ControlAPI

/// `vfpool pool export P`
struct PoolExport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Prints a pool's netdef, as pool apply and virsh net-define take it.")

  @Argument(help: "The pool.", completion: .pools) var pool: String
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let xml = try connection.client.netdef(pool: pool)
    Console.current.write(xml.hasSuffix("\n") ? xml : xml + "\n")
  }
}
