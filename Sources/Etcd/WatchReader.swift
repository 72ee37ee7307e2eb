/// Makes batches of a watch's messages, and knows from where it has to go on.
///
/// Each range is a watcher of its own in the stream: the first has the id 1.
struct WatchReader {
  enum Finding: Hashable {
    case batch(WatchBatch)
    /// All ranges are watched now; the least revision that the member had.
    case established(revision: Int64)
    /// The watch isn't to be had here and now.
    case refused(Verdict)
  }

  private struct Watcher {
    var range: KeyRange
    /// The first revision that isn't delivered.
    var next: Int64
    /// Of the last revision that came, which may not be whole.
    var held: [WatchEvent] = []
    var createdAt: Int64?
  }

  private var watchers: [Watcher]
  /// What a total order lets through; nil: everything.
  private let filter: [KeyRange]?
  private(set) var cluster: UInt64?

  init(_ ranges: [KeyRange], after revision: Int64, order: WatchOrder) {
    let next = revision + 1
    if order == .total, let hull = KeyRange.hull(of: ranges) {
      watchers = [Watcher(range: hull, next: next)]
      filter = ranges.contains(hull) ? nil : ranges
    } else {
      watchers = ranges.map { Watcher(range: $0, next: next) }
      filter = nil
    }
  }

  /// The body of a request that goes on where this has come to.
  mutating func request() -> [UInt8] {
    var body: [UInt8] = []
    for index in watchers.indices {
      watchers[index].held = []
      watchers[index].createdAt = nil
      let watcher = watchers[index]
      body += Wire.encode(
        Wire.WatchRequest(
          create_request: .init(
            key: watcher.range.start.data, range_end: watcher.range.end?.data,
            start_revision: .init(watcher.next), watch_id: .init(Int64(index + 1)))))
    }
    return body
  }

  /// Up to where every range has been delivered.
  var revision: Int64 { (watchers.map(\.next).min() ?? 1) - 1 }

  /// One key that the watch may read.
  var someKey: KeyRange { .key(watchers.first?.range.start ?? "") }

  mutating func take(_ message: [UInt8]) -> Finding? {
    guard let streamed = Wire.decode(Wire.Streamed<Wire.WatchResponse>.self, message) else {
      return .refused(.doubtful("a message of the watch can't be read"))
    }
    if let error = streamed.error {
      return .refused(Verdict(code: error.grpc_code ?? error.code, message: error.message ?? "", subject: subject))
    }
    guard let response = streamed.result else { return nil }
    let id = Int(response.watch_id?.value ?? 0) - 1
    if response.canceled == true { return .refused(cancellation(response, id)) }
    guard watchers.indices.contains(id) else { return nil }
    if let id = response.header?.cluster_id?.value {
      if let cluster, cluster != id { return .refused(.final(.restored)) }
      cluster = id
    }
    let revision = response.header?.revision?.value ?? 0
    if response.created == true {
      watchers[id].createdAt = revision
      let created = watchers.compactMap(\.createdAt)
      return created.count == watchers.count ? .established(revision: created.min() ?? 0) : nil
    }
    return deliver(response, id, revision).map { .batch($0) }
  }

  private mutating func deliver(_ response: Wire.WatchResponse, _ id: Int, _ revision: Int64) -> WatchBatch? {
    let isPart = response.fragment == true
    var events = watchers[id].held + (response.events ?? []).compactMap(WatchEvent.init)
    watchers[id].held = []
    if events.isEmpty {
      // A sign that everything up to the store's revision has been sent.
      if !isPart { watchers[id].next = max(watchers[id].next, revision + 1) }
      return nil
    }
    if isPart, let last = events.last?.revision {
      let whole = events.firstIndex { $0.revision == last } ?? 0
      watchers[id].held = Array(events[whole...])
      events.removeSubrange(whole...)
    }
    events.removeAll { $0.revision < watchers[id].next }
    guard let last = events.last?.revision else { return nil }
    watchers[id].next = last + 1
    if let filter { events.removeAll { event in !filter.contains { $0.contains(event.key) } } }
    return events.isEmpty ? nil : WatchBatch(revision: last, events: events)
  }

  private func cancellation(_ response: Wire.WatchResponse, _ id: Int) -> Verdict {
    if let revision = response.compact_revision?.value, revision > 0 { return .final(.compacted(revision)) }
    let reason = response.cancel_reason ?? ""
    return reason.isEmpty
      ? .doubtful("the watch was ended") : Verdict(code: nil, message: reason, subject: subject)
  }

  private var subject: String { "watching " + watchers.map { "\($0.range)" }.joined(separator: ", ") }
}

extension WatchEvent {
  /// Nil: it is of no key.
  init?(_ wire: Wire.WatchResponse.Event) {
    guard let kv = wire.kv else { return nil }
    let entry = Entry(kv)
    let previous = wire.prev_kv.map(Entry.init)
    self =
      wire.type == "DELETE"
      ? .delete(entry.key, revision: entry.modRevision, previous: previous) : .put(entry, previous: previous)
  }
}
