import ControlAPI
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import PoolFlows
import PoolModel
import ServiceLifecycle

/// `GET /v1/events`: server-sent events, each an `EventRow`, until the client goes or vfpoold ends.
///
/// Source: the HTML standard, “Server-sent events”.
struct EventStream {
  let manager: PoolManager

  /// A comment is sent so often, so that both sides notice when the other has gone.
  static let keepAlive = Duration.seconds(15)
  /// So many events may wait for a client that reads slowly.
  private static let backlog = 1024

  private enum Signal {
    case event(PoolEvent)
    case time
  }

  func response(to request: Request) async throws -> Response {
    let last = try lastEvent(request)
    guard await manager.hasRoomToWatch else {
      throw FlowError(.unavailable, "too many clients watch already; end some of them (`vfpool watch`, web pages)")
    }
    let headers: HTTPFields = [.contentType: "text/event-stream", .cacheControl: "no-store"]
    let manager = manager
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody { writer in
        let (signals, signal) = AsyncStream.makeStream(of: Signal.self, bufferingPolicy: .bufferingNewest(Self.backlog))
        guard let watcher = await manager.watch(after: last, { signal.yield(.event($0)) }) else {
          return try await writer.finish(nil)
        }
        let clock = Task {
          while true {
            try await Task.sleep(for: Self.keepAlive)
            signal.yield(.time)
          }
        }
        defer { clock.cancel() }
        do {
          try await withGracefulShutdownHandler {
            try await Self.write(signals, after: last, to: &writer)
          } onGracefulShutdown: {
            signal.finish()
          }
        } catch {
          await manager.endWatch(watcher)
          throw error
        }
        await manager.endWatch(watcher)
      })
  }

  private static func write(
    _ signals: AsyncStream<Signal>, after last: Int64?, to writer: inout any ResponseBodyWriter
  ) async throws {
    // The client is to know at once that it is being told.
    try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
    var last = last
    for await signal in signals {
      switch signal {
      case .time: try await writer.write(ByteBuffer(string: ": \n\n"))
      case .event(let event):
        if let last, event.number != last + 1 {
          let gap = EventRow(
            id: event.number - 1, time: event.time, kind: "lost", message: "events were lost: read anew what matters")
          try await writer.write(text(gap))
        }
        last = event.number
        try await writer.write(text(EventRow(event)))
      }
    }
    try await writer.finish(nil)
  }

  /// One event; JSON in one line.
  private static func text(_ row: EventRow) throws -> ByteBuffer {
    let data = String(decoding: try Answer.encoded(row), as: UTF8.self)
    return ByteBuffer(string: "id: \(row.id)\nevent: \(row.kind)\ndata: \(data)\n\n")
  }

  private func lastEvent(_ request: Request) throws(FlowError) -> Int64? {
    guard let name = HTTPField.Name("Last-Event-ID"), let text = request.headers[name], !text.isEmpty else {
      return nil
    }
    guard let number = Int64(text) else {
      throw FlowError(.invalid, "the header Last-Event-ID “\(text)” is not the id of an event")
    }
    return number
  }
}

extension EventRow {
  init(_ event: PoolEvent) {
    let subject = event.subject
    self.init(
      id: event.number, time: event.time, kind: event.kind.rawValue, message: event.message, pool: subject.pool,
      guest: subject.guest, mac: subject.mac, pf: subject.pf, index: subject.index, pci: subject.pci,
      lease: subject.lease, reason: subject.reason)
  }
}
