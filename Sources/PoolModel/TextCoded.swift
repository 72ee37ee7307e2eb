/// A value that JSON has as the text that people read.
public protocol TextCoded: LosslessStringConvertible, Codable {
  /// What such a text is, for errors: “a MAC like 52:54:00:12:34:56”.
  static var shape: String { get }
}

extension TextCoded {
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let value = Self(text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "“\(text)” is not \(Self.shape)"))
    }
    self = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
