import FoundationEssentials

/// etcd's messages as its gateway has them in JSON: bytes in base64, 64-bit numbers as strings, zeros left out;
/// fields are named as there.
///
/// Source: etcd's `api/etcdserverpb/rpc.proto`.
enum Wire {
  static func encode(_ message: some Encodable) -> [UInt8] {
    // Nothing in a message can fail to be encoded.
    guard let data = try? JSONEncoder().encode(message) else { preconditionFailure("\(message)") }
    return Array(data)
  }

  static func decode<Message: Decodable>(_: Message.Type, _ bytes: [UInt8]) -> Message? {
    try? JSONDecoder().decode(Message.self, from: Data(bytes))
  }

  /// A number that is a string on the wire; read from either.
  struct Integer<Value: FixedWidthInteger & Hashable & Sendable & Codable>: Hashable, Sendable, Codable {
    var value: Value

    init(_ value: Value) { self.value = value }

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      guard let text = try? container.decode(String.self) else {
        value = try container.decode(Value.self)
        return
      }
      guard let value = Value(text) else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "“\(text)” is no number")
      }
      self.value = value
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(String(value))
    }
  }

  typealias Signed = Integer<Int64>
  typealias Unsigned = Integer<UInt64>

  struct Header: Decodable, Sendable {
    var cluster_id: Unsigned?
    var member_id: Unsigned?
    var revision: Signed?
    var raft_term: Unsigned?
  }

  struct KeyValue: Decodable, Sendable {
    var key: Data?
    var value: Data?
    var create_revision: Signed?
    var mod_revision: Signed?
    var version: Signed?
    var lease: Signed?
  }

  /// The answer to a request of which only the success is of interest.
  struct Done: Answer {
    var header: Header?

    var isWhole: Bool { header?.revision != nil }
  }

  /// What the gateway answers with 200.
  protocol Answer: Decodable, Sendable {
    /// That it failed nevertheless: a stream's answer begins before the failure.
    var failure: Failure.Nested? { get }
    /// Whether it has what etcd always sends: also `{}` can be decoded.
    var isWhole: Bool { get }
  }
}

extension Wire.Answer {
  var failure: Wire.Failure.Nested? { nil }
}

extension Entry {
  init(_ wire: Wire.KeyValue) {
    self.init(
      key: ByteString(wire.key ?? Data()), value: ByteString(wire.value ?? Data()),
      createRevision: wire.create_revision?.value ?? 0, modRevision: wire.mod_revision?.value ?? 0,
      version: wire.version?.value ?? 0, lease: wire.lease.flatMap { $0.value == 0 ? nil : $0.value })
  }
}

extension ByteString {
  var data: Data { Data(bytes) }
}
