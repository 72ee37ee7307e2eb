import PoolModel

/// What a change would do, or has done.
public struct Plan: Hashable, Sendable {
  /// Each step in words, in order; empty = nothing to do.
  public var steps: [String]
  /// Running guests that lose their VF by it.
  public var disruptedGuests: [String]
  public var done: Bool
  /// What to know afterwards, in words.
  public var notes: [String]
  /// Of a pool that is changed: what becomes other, and when.
  public var changes: [PoolChange]

  public init(
    steps: [String] = [], disruptedGuests: [String] = [], done: Bool = false, notes: [String] = [],
    changes: [PoolChange] = []
  ) {
    self.steps = steps
    self.disruptedGuests = disruptedGuests
    self.done = done
    self.notes = notes
    self.changes = changes
  }

  /// Stands for the steps and changes, and so for the state that they were made from: FNV-1a over their text. Guests that
  /// only keep what they have until their next start may come and go.
  public var token: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in (steps + ["|"] + disruptedGuests + changes.map(\.what)).joined(separator: "\n").utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }
    return String(hash, radix: 16)
  }

  /// Refuses when `token` stands for other steps than these.
  func check(_ token: String?) throws(FlowError) {
    if let token, token != self.token {
      throw FlowError(.refused, "the state has moved since the plan was made; look at it again with --plan")
    }
  }
}
