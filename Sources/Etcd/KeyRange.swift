/// One key, or all keys from one to before another.
public struct KeyRange: Hashable, Sendable {
  public let start: ByteString
  /// Not in the range any more; nil: the range is the one key `start`; a zero byte: there is no end. As in etcd's
  /// `range_end`.
  public let end: ByteString?

  private init(start: ByteString, end: ByteString?) {
    self.start = start
    self.end = end
  }

  /// What etcd takes for the end of all keys, and for the first key.
  private static let zero = ByteString([0])

  public static let all = KeyRange(start: zero, end: zero)

  public static func key(_ key: ByteString) -> KeyRange { KeyRange(start: key, end: nil) }

  /// All keys that begin with `prefix`.
  public static func prefix(_ prefix: ByteString) -> KeyRange {
    guard !prefix.bytes.isEmpty else { return .all }
    var end = prefix.bytes
    while end.last == 0xff { end.removeLast() }
    guard let last = end.popLast() else { return .from(prefix) }
    return KeyRange(start: prefix, end: ByteString(end + [last + 1]))
  }

  /// `start` and what comes behind it.
  public static func from(_ start: ByteString) -> KeyRange { KeyRange(start: start, end: zero) }

  /// From `start` to before `end`.
  public static func from(_ start: ByteString, to end: ByteString) -> KeyRange { KeyRange(start: start, end: end) }

  public func contains(_ key: ByteString) -> Bool {
    guard let end else { return key == start }
    return key >= start && (end == Self.zero || key < end)
  }

  /// What is left of the range behind `key`, which is in it; nil: nothing.
  func rest(after key: ByteString) -> KeyRange? {
    end.map { KeyRange(start: ByteString(key.bytes + [0]), end: $0) }
  }

  /// The smallest range that has all of `ranges` in it; nil: there are none.
  static func hull(of ranges: [KeyRange]) -> KeyRange? {
    guard let start = ranges.map(\.start).min() else { return nil }
    if ranges.allSatisfy({ $0 == ranges.first }) { return ranges.first }
    if ranges.contains(where: { $0.end == zero }) { return .from(start) }
    let end = ranges.map { $0.end ?? ByteString($0.start.bytes + [0]) }.max()
    return end.map { .from(start, to: $0) }
  }
}

extension KeyRange: CustomStringConvertible {
  public var description: String {
    guard let end else { return "\(start)" }
    if self == .all { return "all keys" }
    if self == .prefix(start) { return "\(start)…" }
    return end == Self.zero ? "from \(start)" : "from \(start) to \(end)"
  }
}
