import ArgumentParser
import ControlAPI
import PoolModel

/// `vfpool guest xml --pool P`
struct GuestXML: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "xml", abstract: "Prints the <interface> that gives a guest a VF of a pool.",
    discussion: "Paste it among the guest's <devices> (virsh edit G), or: virsh attach-device G /dev/stdin --config")

  @Option(help: .init("The pool.", valueName: "P"), completion: .pools) var pool: String
  @Option(help: .init("One of the pool's portgroups.", valueName: "name")) var portgroup: String?
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let detail = try connection.client.pool(pool)
    if let portgroup, !detail.pool.portgroups.contains(portgroup) {
      let groups = detail.pool.portgroups.joined(separator: ", ")
      throw CommandError(
        .notFound,
        "pool \(pool) has no portgroup ‘\(portgroup)’: \(groups.isEmpty ? "it has none" : "it has \(groups)")")
    }
    Console.current.write(Self.interface(pool: pool, portgroup: portgroup))
    if !detail.row.active {
      Console.current.complain("note: pool \(pool) isn't active; start it with: vfpool pool start \(pool)\n")
    }
  }

  static func interface(pool: String, portgroup: String?) -> String {
    let group = portgroup.map { " portgroup='\(escaped($0))'" } ?? ""
    return """
      <interface type='network'>
        <source network='\(escaped(pool))'\(group)/>
      </interface>

      """
  }

  private static func escaped(_ text: String) -> String {
    text.reduce(into: "") { escaped, character in
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "'": escaped += "&apos;"
      case "\"": escaped += "&quot;"
      default: escaped.append(character)
      }
    }
  }
}
