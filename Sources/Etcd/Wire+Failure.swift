extension Wire {
  /// Why a request failed, in a body or in a stream.
  ///
  /// 3.4 and 3.5: `error`, `message` and `code`, in a stream within `error`, with `grpc_code` and `http_code`; 3.6:
  /// `message` and `code` (gateway v2).
  struct Failure: Decodable {
    struct Nested: Decodable, Sendable {
      var grpc_code: Int?
      var code: Int?
      var message: String?
    }

    var code: Int?
    var message: String

    private enum CodingKeys: String, CodingKey {
      case error, code, message
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      if let nested = try? container.decodeIfPresent(Nested.self, forKey: .error) {
        code = nested.grpc_code ?? nested.code
        message = nested.message ?? ""
        return
      }
      code = try container.decodeIfPresent(Int.self, forKey: .code)
      message =
        try container.decodeIfPresent(String.self, forKey: .message) ?? container.decode(String.self, forKey: .error)
    }
  }
}
