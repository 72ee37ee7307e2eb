import Logging
import Synchronization

/// What is logged from warnings on.
public final class FakeLog: Sendable {
  private let state = Mutex<[String]>([])

  public var lines: [String] { state.withLock { $0 } }

  public init() {}

  public var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

  private struct Handler: LogHandler {
    let log: FakeLog
    var logLevel = Logger.Level.warning
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { log.state.withLock { $0.append("\(event.message)") } }
  }
}
