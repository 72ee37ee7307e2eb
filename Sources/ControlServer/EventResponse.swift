import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import ServiceLifecycle

/// A response of server-sent events, until the client goes, the events end, or vfpoold does.
///
/// Source: the HTML standard, “Server-sent events”.
struct EventResponse<Event: Sendable>: Sendable {
  /// A comment is sent so often, so that both sides notice when the other has gone.
  private static var keepAlive: Duration { .seconds(15) }
  /// So many events may wait for a client that reads slowly; the oldest are dropped.
  private static var backlog: Int { 1024 }

  private enum Signal {
    case event(Event)
    case time
  }

  /// Is given what to call with each event, and with nil at their end; returns how to stop that. Nil: it can't begin.
  let begin: @Sendable (_ tell: @escaping @Sendable (Event?) -> Void) async -> (@Sendable () async -> Void)?
  /// Makes, for one response, what turns an event into its text.
  let text: @Sendable () -> (Event) throws -> String

  /// One event; JSON in one line.
  static func text(id: Int64, kind: String, _ row: some Encodable) throws -> String {
    let data = String(decoding: try Answer.encoded(row), as: UTF8.self)
    return "id: \(id)\nevent: \(kind)\ndata: \(data)\n\n"
  }

  var response: Response {
    let headers: HTTPFields = [.contentType: "text/event-stream", .cacheControl: "no-store"]
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody { writer in
        let (signals, signal) = AsyncStream.makeStream(of: Signal.self, bufferingPolicy: .bufferingNewest(Self.backlog))
        let stop = await begin { event in
          if let event { signal.yield(.event(event)) } else { signal.finish() }
        }
        guard let stop else { return try await writer.finish(nil) }
        let clock = Task {
          while true {
            try await Task.sleep(for: Self.keepAlive)
            signal.yield(.time)
          }
        }
        defer { clock.cancel() }
        do {
          try await withGracefulShutdownHandler {
            // The client is to know at once that it is being told.
            try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
            let text = text()
            for await signal in signals {
              switch signal {
              case .time: try await writer.write(ByteBuffer(string: ": \n\n"))
              case .event(let event): try await writer.write(ByteBuffer(string: text(event)))
              }
            }
            try await writer.finish(nil)
          } onGracefulShutdown: {
            signal.finish()
          }
        } catch {
          await stop()
          throw error
        }
        await stop()
      })
  }
}
