import Dispatch
import Libvirt
import Logging
import PoolFlows

/// A connection to libvirt that comes back by itself, and a serial queue on which all its calls run.
///
/// Nothing wakes up while the connection stands and libvirt has nothing to tell; only libvirtd's own ping of idle
/// clients comes through (`keepalive_interval` in libvirtd.conf, 5 s).
actor LibvirtLine {
  /// The pause before the next try while libvirt can't be reached: doubled each time.
  struct Backoff: Sendable {
    var first: Duration = .milliseconds(200)
    var longest: Duration = .seconds(5)
  }

  nonisolated let uri: String
  private let kinds: LibvirtEventKinds
  private let backoff: Backoff
  private let log: Logger
  private let queue: DispatchQueue
  private let tell: @Sendable (LibvirtLink.Signal) -> Void
  private var connection: LibvirtConnection?

  /// `tell` gets what happens on the line, in order; it must not block.
  init(
    uri: String, events kinds: LibvirtEventKinds, backoff: Backoff, log: Logger,
    tell: @escaping @Sendable (LibvirtLink.Signal) -> Void
  ) {
    self.uri = uri
    self.kinds = kinds
    self.backoff = backoff
    self.log = log
    self.tell = tell
    queue = DispatchQueue(label: "vfpool.libvirt \(uri)")
  }

  var isConnected: Bool { connection != nil }

  /// Connects, and connects again whenever the connection is lost, until the task is cancelled. To be called once.
  func run() async {
    var pause = backoff.first
    var lastFailure: String?
    while !Task.isCancelled {
      do {
        let opened = try await open()
        log.info("connected to libvirt", metadata: ["uri": "\(uri)"])
        (pause, lastFailure) = (backoff.first, nil)
        await serve(opened)
        if !Task.isCancelled { log.warning("libvirt closed the connection", metadata: ["uri": "\(uri)"]) }
      } catch {
        let failure = "\(error)"
        if failure != lastFailure, !Task.isCancelled { log.warning("no libvirt yet: \(failure)") }
        lastFailure = failure
        try? await Task.sleep(for: pause)
        pause = min(pause * 2, backoff.longest)
      }
    }
  }

  /// Runs `body` on the line's queue, after all that were called before.
  ///
  /// - Throws: `FlowError` with the code `unavailable` when there is no connection or it is lost meanwhile, else what
  ///   `body` throws.
  func call<Result: Sendable>(
    _ body: @escaping @Sendable (LibvirtConnection) throws -> Result
  ) async throws -> Result {
    guard let connection else {
      throw FlowError(.unavailable, "not connected to libvirt (\(uri)); vfpoold keeps trying, is libvirtd running?")
    }
    do {
      return try await withCheckedThrowingContinuation { continuation in
        queue.async { continuation.resume(with: Swift.Result { try body(connection) }) }
      }
    } catch let error as LibvirtError where error.code == .connectionLost {
      throw FlowError(.unavailable, "lost the connection to libvirt: \(error)")
    }
  }

  private struct Opened: Sendable {
    let connection: LibvirtConnection
    let events: AsyncStream<LibvirtEvent>
  }

  /// Opening can hang while libvirtd starts; a cancelled task doesn't wait for it, and what is opened late is closed.
  private func open() async throws -> Opened {
    let (answers, answer) = AsyncThrowingStream.makeStream(of: Opened.self)
    queue.async { [uri, kinds] in
      do {
        let connection = try LibvirtConnection(uri: uri)
        answer.yield(Opened(connection: connection, events: try connection.events(kinds)))
        answer.finish()
      } catch {
        answer.finish(throwing: error)
      }
    }
    for try await opened in answers { return opened }
    throw CancellationError()
  }

  private func serve(_ opened: Opened) async {
    connection = opened.connection
    tell(.connected)
    for await event in opened.events {
      if case .connectionClosed = event { break }
      tell(.event(event))
    }
    connection = nil
    tell(.disconnected)
    queue.async { opened.connection.close() }
  }
}
