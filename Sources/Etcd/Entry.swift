/// A key with its value.
public struct Entry: Hashable, Sendable {
  public var key: ByteString
  /// Empty where only keys were asked for.
  public var value: ByteString
  /// The revision that made the key.
  public var createRevision: Int64
  /// The revision that changed it last.
  public var modRevision: Int64
  /// 1 when it was made, and one more with each change.
  public var version: Int64
  /// The lease with which the key goes; nil: it stays.
  public var lease: Int64?

  public init(
    key: ByteString, value: ByteString, createRevision: Int64, modRevision: Int64, version: Int64, lease: Int64? = nil
  ) {
    self.key = key
    self.value = value
    self.createRevision = createRevision
    self.modRevision = modRevision
    self.version = version
    self.lease = lease
  }
}

/// What a range had at one revision.
public struct RangeResult: Hashable, Sendable {
  /// In the order of their keys.
  public var entries: [Entry]
  /// The store's, when the range was read.
  public var revision: Int64
  /// Whether the limit left some out.
  public var more: Bool
  /// Of all keys in the range, the limit notwithstanding.
  public var count: Int
}
