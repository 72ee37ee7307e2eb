import Libvirt
import Logging
import Synchronization

/// The daemon's way to libvirt: two lines, since calls to domains wait while any qemu hook does, and calls to networks
/// must not wait for them.
final class LibvirtLink: Sendable {
  /// What the link tells, in order.
  enum Signal: Sendable {
    /// Both lines stand, at least one of them anew: whatever was read before may be stale.
    case connected
    /// A line is gone.
    case disconnected
    /// Comes from a line that stands, also while the other one doesn't.
    case event(LibvirtEvent)
  }

  let networks: LibvirtLine
  let guests: LibvirtLine
  /// For one reader; kept until it reads. Ends when `run` does.
  let signals: AsyncStream<Signal>
  private let board: Switchboard

  init(
    networks networksURI: String = "network:///system", guests guestsURI: String = "qemu:///system",
    backoff: LibvirtLine.Backoff = LibvirtLine.Backoff(), log: Logger
  ) {
    let (signals, continuation) = AsyncStream.makeStream(of: Signal.self)
    let board = Switchboard(continuation)
    self.signals = signals
    self.board = board
    networks = LibvirtLine(uri: networksURI, events: [.networks], backoff: backoff, log: log) {
      board.take($0, from: .networks)
    }
    guests = LibvirtLine(uri: guestsURI, events: [.domains, .devices], backoff: backoff, log: log) {
      board.take($0, from: .domains)
    }
  }

  /// Whether both lines stand.
  var isConnected: Bool { board.isConnected }

  /// Keeps both lines up until the task is cancelled. To be called once.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.networks.run() }
      group.addTask { await self.guests.run() }
    }
    board.finish()
  }
}

/// Makes one story of what two lines tell.
private final class Switchboard: Sendable {
  private let standing = Mutex(LibvirtEventKinds())
  private let continuation: AsyncStream<LibvirtLink.Signal>.Continuation
  private static let all: LibvirtEventKinds = [.networks, .domains]

  init(_ continuation: AsyncStream<LibvirtLink.Signal>.Continuation) { self.continuation = continuation }

  var isConnected: Bool { standing.withLock { $0 == Self.all } }

  func take(_ signal: LibvirtLink.Signal, from line: LibvirtEventKinds) {
    standing.withLock { standing in
      let before = standing
      switch signal {
      case .connected: standing.insert(line)
      case .disconnected: standing.remove(line)
      case .event: break
      }
      switch signal {
      case .connected where standing != Self.all, .disconnected where before != Self.all: break
      default: continuation.yield(signal)
      }
    }
  }

  func finish() { continuation.finish() }
}
