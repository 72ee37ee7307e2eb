extension DecodingError {
  /// What is wrong with the JSON, for whoever sent it; `shape` is what a field should be, in words.
  func words(as shape: String) -> String {
    switch self {
    case .keyNotFound(let key, _): "“\(key.stringValue)” is missing"
    case .dataCorrupted(let context): context.debugDescription
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      (context.codingPath.last.map { "“\($0.stringValue)”" } ?? "the whole") + " isn't \(shape)"
    @unknown default: "it isn't \(shape)"
    }
  }
}
