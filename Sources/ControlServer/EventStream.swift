import ControlAPI
import Foundation
import HTTPTypes
import Hummingbird
import PoolFlows
import PoolModel

/// `GET /v1/events`: server-sent events, each an `EventRow`.
struct EventStream {
  let manager: PoolManager

  func response(to request: Request) async throws -> Response {
    let last = try lastEvent(request)
    guard await manager.hasRoomToWatch else {
      throw FlowError(.unavailable, "too many clients watch already; end some of them (`vfpool watch`, web pages)")
    }
    let manager = manager
    return EventResponse<PoolEvent>(
      begin: { tell in
        guard let watcher = await manager.watch(after: last, { tell($0) }) else { return nil }
        return { await manager.endWatch(watcher) }
      },
      text: { Self.texts(after: last) }
    ).response
  }

  /// Turns one event after the other into its text, with a word before those that follow on a gap.
  private static func texts(after last: Int64?) -> (PoolEvent) throws -> String {
    var last = last
    return { event in
      var text = ""
      if let last, event.number != last + 1 {
        text = try Self.text(
          EventRow(
            id: event.number - 1, time: event.time, kind: "lost",
            message: "events were lost: read anew what matters"))
      }
      last = event.number
      return text + (try Self.text(EventRow(event)))
    }
  }

  private static func text(_ row: EventRow) throws -> String {
    try EventResponse<PoolEvent>.text(id: row.id, kind: row.kind, row)
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
