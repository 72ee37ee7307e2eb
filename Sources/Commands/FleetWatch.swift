import ArgumentParser
import ControlAPI
import Glibc

/// `vfpool fleet watch`
struct FleetWatch: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Shows what happens on all hosts, one event a line, until Ctrl-C.",
    discussion: """
      With --json one event a line as JSON, with the fields revision, kind, message, host, mac, guest, pool. Kinds: hostUp, \
      hostGone, hostForgotten, macLive, macIdle, macBound, macUnbound, poolChanged, poolGone, conflict, conflictOver, clash, \
      clashOver, netdefSaved, netdefForgotten, netdefApplied, netdefFailed.
      """)

  @Flag(name: .customLong("json"), help: "Print each event as one line of JSON.") var json = false
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let console = Console.current
    let client = connection.client
    // Whether it works at all is said at once.
    _ = try client.fleetHosts()
    while true {
      do throws(ControlClientError) {
        try client.watchFleet { messages in
          for message in messages {
            if json {
              console.pass(message.data + [UInt8(ascii: "\n")])
            } else if let row = message.row(FleetEventRow.self) {
              console.write(row.line(console.style))
            }
          }
        }
      } catch {
        if error.code != .unreachable, error.status != 503 { throw error }
      }
      console.complain("vfpool: the fleet can't be followed; waiting for it\n")
      sleep(2)
    }
  }
}

extension FleetEventRow {
  func line(_ style: Style) -> String {
    var kind = kind.rawValue
    while kind.count < 16 { kind += " " }
    return "\(style.paint(kind, paint))  \(printable(message))\n"
  }

  private var paint: Paint? {
    switch kind {
    case .hostGone, .conflict, .clash, .netdefFailed: .red
    case .hostUp, .macLive, .netdefApplied: .green
    default: nil
    }
  }
}
