import ArgumentParser
import ControlAPI
import Glibc

/// `vfpool watch`
struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Shows what happens, as it happens, until Ctrl-C.",
    discussion: """
      On a terminal: the host as “vfpool status” shows it, drawn anew on each event, and the newest events below. \
      Elsewhere, and with --lines: one event a line, with its time in UTC.

      With --json: one event a line as JSON, with the fields id, time, kind, message, pool, guest, guestUUID, mac, pf, \
      index, pci, lease, reason. Kinds: leaseOpened, leaseActive, leaseClosed, drift (one that could not be repaired), \
      repaired, quarantined, unquarantined, carrierLost, carrierBack, refused, poolSaved, poolRemoved, macBound, \
      macUnbound, libvirtConnected, libvirtLost, ledgerFailed, lost (events that were missed).

      When vfpoold is restarted, watch waits for it and goes on.
      """)

  @Flag(name: .customLong("json"), help: "Print each event as one line of JSON.") var json = false
  @Flag(help: "Print each event as one line of text, on a terminal too.") var lines = false
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if json, lines { throw ValidationError("--json and --lines exclude each other") }
  }

  func run() throws {
    let console = Console.current
    let client = connection.client
    let screen = json || lines ? nil : WatchScreen(console)
    var last: Int64?
    // Whether it has been reached: it is waited for from then on.
    var isKnown = screen != nil
    try screen?.draw(client.status())
    while true {
      var lost: ControlClientError?
      do throws(ControlClientError) {
        try client.watch(after: last) { messages in
          isKnown = true
          for message in messages {
            let row = message.row
            last = row?.id ?? last
            if json {
              console.pass(message.data + [UInt8(ascii: "\n")])
            } else if let row {
              if let screen { screen.add(row) } else { console.write(row.line(console.style)) }
            }
          }
          guard let screen, let status = try? client.status() else { return }
          screen.draw(status)
          // What comes meanwhile is drawn in one go.
          usleep(200_000)
        }
        isKnown = true
      } catch {
        lost = error
      }
      if let lost, lost.code != .unreachable || !isKnown { throw lost }
      console.complain("vfpool: vfpoold has ended; waiting for it\n")
      sleep(1)
    }
  }
}

/// The status and the newest events, drawn over what was drawn before.
private final class WatchScreen {
  /// So many events are shown at most.
  private static let most = 8

  private let console: Console
  private var newest: [EventRow] = []

  /// Nil when standard output isn't a terminal.
  init?(_ console: Console) {
    guard TerminalSize.ofStandardOutput != nil else { return nil }
    self.console = console
  }

  func add(_ row: EventRow) { newest = (newest + [row]).suffix(Self.most) }

  func draw(_ status: StatusReport) {
    let size = TerminalSize.ofStandardOutput ?? TerminalSize(rows: 24, columns: 80)
    console.write(watchScreen(status, newest, size, console))
  }
}

/// What is on the screen, beginning with the sequence that clears it.
func watchScreen(_ status: StatusReport, _ newest: [EventRow], _ size: TerminalSize, _ console: Console) -> String {
  var events = newest.map { $0.line(console.style, columns: size.columns) }
  if events.isEmpty { events = ["waiting for events; Ctrl-C ends\n"] }
  // A line for the blank one between, and one below for the cursor.
  let room = max(1, size.rows - events.count - 2)
  var top = status.text(console).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  while top.last?.isEmpty == true { top.removeLast() }
  if top.count > room {
    let hidden = top.count - room + 1
    top = top.prefix(room - 1) + ["… \(hidden) more lines: vfpool status"]
  }
  return "\u{1b}[H\u{1b}[2J" + top.joined(separator: "\n") + "\n\n" + events.joined()
}

extension EventRow {
  /// `06:31:12Z  repaired  pool p lost …`: one line, cut at `columns`.
  func line(_ style: Style, columns: Int? = nil) -> String {
    let clock = "\(time)".dropFirst(11).prefix(8) + "Z"
    let words = message.split(separator: "\n").map { printable(String($0.drop(while: { $0 == " " }))) }.joined(
      separator: " · ")
    var kind = kind
    while kind.count < 16 { kind += " " }
    var rest = words
    if let columns, columns > 31 { rest = cut(words, to: columns - 29) }
    return "\(clock)  \(style.paint(printable(kind), paint))  \(rest)\n"
  }

  private var paint: Paint? {
    switch kind {
    case "refused", "quarantined", "drift", "carrierLost", "libvirtLost", "ledgerFailed", "lost": .red
    case "repaired": .yellow
    case "leaseActive", "carrierBack", "unquarantined", "libvirtConnected": .green
    default: nil
    }
  }

  private func cut(_ text: String, to width: Int) -> String {
    text.count > width ? text.prefix(width - 1) + "…" : text
  }
}
