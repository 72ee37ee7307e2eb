/// Values by VF index.
///
/// The kernel tells of VFs in order and without a gap: an array, where a dictionary would spend most of the time on
/// hashing. What comes out of order is kept aside until the gap before it is filled.
public struct VFTable<Value> {
  /// Of the VFs 0, 1, 2 …
  private var firsts: [Value] = []
  /// Of VFs past a gap, by index.
  private var others = [Int: Value]()

  public init() {}

  public var count: Int { firsts.count + others.count }
  public var isEmpty: Bool { firsts.isEmpty && others.isEmpty }

  public subscript(index: Int) -> Value? { firsts.indices.contains(index) ? firsts[index] : others[index] }

  /// The indexes, in order.
  public var keys: [Int] { Array(firsts.indices) + others.keys.sorted() }

  /// What there is at the next place.
  enum Found {
    case value(at: Int)
    case nothing
    case end
  }

  /// Values that `read` writes into `blank`s one after the other, up to the end that it tells; the first of each index
  /// counts. Most come in order and stay where they were written.
  ///
  /// There must be fewer values than `room`.
  @inline(__always)
  init(room: Int, blank: Value, _ read: (inout Value) -> Found) {
    var others = [Int: Value]()
    firsts = Array(unsafeUninitializedCapacity: room) { values, used in
      while used < room {
        values.initializeElement(at: used, to: blank)
        let found = read(&values[used])
        if case .value(at: used) = found {
          used += 1
          continue
        }
        let value = values.moveElement(from: used)
        switch found {
        case .end: return
        case .value(let index): if index > used, others[index] == nil { others[index] = value }
        case .nothing: break
        }
      }
    }
    for (index, value) in others { insert(value, at: index) }
  }

  /// False when there is a value of this index already, which stays.
  @discardableResult
  mutating func insert(_ value: Value, at index: Int) -> Bool {
    if index == firsts.count {
      firsts.append(value)
      if !others.isEmpty { closeGaps() }
      return true
    }
    guard self[index] == nil else { return false }
    others[index] = value
    return true
  }

  // So that equal contents are equal however they came.
  private mutating func closeGaps() {
    while let next = others.removeValue(forKey: firsts.count) { firsts.append(next) }
  }

  /// Leaves out the values from VF `count` on.
  mutating func cut(to count: Int) {
    if firsts.count > count { firsts.removeLast(firsts.count - count) }
    if !others.isEmpty { others = others.filter { $0.key < count } }
  }

  /// Takes in what `other` has of VFs that are missing here.
  mutating func merge(_ other: VFTable) { for (index, value) in other { insert(value, at: index) } }
}

extension VFTable: Equatable where Value: Equatable {}
extension VFTable: Hashable where Value: Hashable {}
extension VFTable: Sendable where Value: Sendable {}

extension VFTable: Sequence {
  public func makeIterator() -> AnyIterator<(key: Int, value: Value)> {
    var rest = keys.makeIterator()
    return AnyIterator { rest.next().flatMap { index in self[index].map { (index, $0) } } }
  }
}

extension VFTable: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (Int, Value)...) {
    for (index, value) in elements { insert(value, at: index) }
  }
}
