import FoundationEssentials

extension Wire {
  struct WatchRequest: Encodable {
    struct Create: Encodable {
      var key: Data
      var range_end: Data?
      var start_revision: Signed
      var watch_id: Signed
      var progress_notify = true
      var prev_kv = true
      var fragment = true
    }

    var create_request: Create
  }

  struct WatchResponse: Decodable, Sendable {
    struct Event: Decodable, Sendable {
      /// `DELETE`, or nothing for a put.
      var type: String?
      var kv: KeyValue?
      var prev_kv: KeyValue?
    }

    var header: Header?
    var watch_id: Signed?
    var created: Bool?
    var canceled: Bool?
    var cancel_reason: String?
    var compact_revision: Signed?
    /// More of the same comes.
    var fragment: Bool?
    var events: [Event]?
  }

  /// One message of a stream.
  struct Streamed<Result: Decodable & Sendable>: Decodable, Sendable {
    var result: Result?
    var error: Failure.Nested?
  }
}

extension Wire.Streamed: Wire.Answer where Result: Wire.Answer {
  var failure: Wire.Failure.Nested? { error }
  var isWhole: Bool { result?.isWhole == true }
}
