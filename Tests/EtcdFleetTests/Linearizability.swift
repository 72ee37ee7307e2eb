/// Whether a history of what hosts did to one MAC could have been one after the other: the MAC has one owner, or none.
///
/// Searches for an order of the operations in which each takes effect between its begin and its end, and each answer is what
/// that order gives. After Wing and Gong, with the states that were seen before remembered (Lowe).
struct MACHistory {
  enum Action: Hashable {
    /// True: the host has it; false: another host has it.
    case take(host: Int, isDone: Bool)
    /// Nobody knows whether it took it.
    case tryTake(host: Int)
    case release(host: Int)
  }

  struct Operation: Hashable {
    var action: Action
    var begin: ContinuousClock.Instant
    /// Nil: it may take effect at any time, or never.
    var end: ContinuousClock.Instant?
  }

  var operations: [Operation]

  private struct Place: Hashable {
    var done: Set<Int>
    var owner: Int?
  }

  var isLinearizable: Bool {
    var seen: Set<Place> = []
    return search(Place(done: [], owner: nil), &seen)
  }

  private func search(_ place: Place, _ seen: inout Set<Place>) -> Bool {
    let open = operations.indices.filter { !place.done.contains($0) }
    if open.allSatisfy({ operations[$0].end == nil }) { return true }
    guard seen.insert(place).inserted else { return false }
    // What began after another had ended comes behind it.
    let firstEnd = open.compactMap { operations[$0].end }.min()
    for index in open where firstEnd.map({ operations[index].begin <= $0 }) ?? true {
      guard let owner = Self.owner(after: operations[index].action, place.owner) else { continue }
      if search(Place(done: place.done.union([index]), owner: owner), &seen) { return true }
    }
    return false
  }

  /// Nil: the answer is not what an owner like this gives.
  private static func owner(after action: Action, _ owner: Int?) -> Int?? {
    switch action {
    case .take(let host, true): owner == nil || owner == host ? .some(host) : nil
    case .take(let host, false): owner != nil && owner != host ? .some(owner) : nil
    case .tryTake(let host): owner == nil || owner == host ? .some(host) : .some(owner)
    case .release(let host): owner == host ? .some(nil) : .some(owner)
    }
  }
}
