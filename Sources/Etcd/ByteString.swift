/// A key or a value as etcd has it: bytes, mostly UTF-8 text. Ordered as etcd orders keys, byte by byte.
public struct ByteString: Hashable, Sendable {
  public var bytes: [UInt8]

  public init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  /// The text in UTF-8.
  public init(_ text: String) { bytes = Array(text.utf8) }

  /// Nil: it isn't UTF-8.
  public var text: String? { String(validating: bytes, as: UTF8.self) }
}

extension ByteString: Comparable {
  public static func < (one: ByteString, other: ByteString) -> Bool { one.bytes.lexicographicallyPrecedes(other.bytes) }
}

extension ByteString: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
  public init(stringLiteral text: String) { self.init(text) }
}

extension ByteString: CustomStringConvertible {
  /// The text; bytes that aren't UTF-8 are replaced.
  public var description: String { String(decoding: bytes, as: UTF8.self) }
}
