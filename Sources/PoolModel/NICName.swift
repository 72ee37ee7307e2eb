/// A guest's NIC as people write it: `spread/1`, or `spread` for the first one of that pool.
public struct NICName: Hashable, Sendable {
  public var pool: String
  /// Among the guest's NICs of this pool, from 0.
  public var position: Int

  public init(pool: String, position: Int) {
    self.pool = pool
    self.position = position
  }
}

extension NICName: LosslessStringConvertible {
  /// Nil for an empty pool, and for what isn't a position behind the last slash; libvirt's networks have none in their
  /// names.
  public init?(_ text: String) {
    guard let slash = text.lastIndex(of: "/") else {
      guard !text.isEmpty else { return nil }
      self.init(pool: text, position: 0)
      return
    }
    guard slash != text.startIndex, let position = UInt16(text[text.index(after: slash)...]) else { return nil }
    self.init(pool: String(text[..<slash]), position: Int(position))
  }

  public var description: String { "\(pool)/\(position)" }
}

extension NICName: Comparable {
  public static func < (a: NICName, b: NICName) -> Bool { (a.pool, a.position) < (b.pool, b.position) }
}

extension NICName: TextCoded {
  public static var shape: String { "a NIC like spread/1, or a pool" }
}
