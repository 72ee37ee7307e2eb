/// Messages with as many VFs as one likes, cut and joined from a recorded one.
struct SyntheticLink {
  /// What stands in IFLA_NUM_VF.
  var count: Int
  /// The indexes of the VFs in the list.
  var indexes: [Int]
  /// Behind a child's own length, type and attributes: longer children, as with statistics.
  var statistics = false

  init(count: Int, indexes: [Int]? = nil, statistics: Bool = false) {
    self.count = count
    self.indexes = indexes ?? Array(0..<count)
    self.statistics = statistics
  }

  // Offsets in the recording: IFLA_NUM_VF's number, the list's header, its first child, and the end of its last.
  private static let (number, list, end) = (604, 608, 1004)
  static let child = 612
  static let childLength = 196
  /// Where a VF's index stands in each of a child's attributes.
  private static let indexOffsets = [8, 84, 100, 116, 128, 140, 152, 164, 180]

  /// The list's length as the kernel writes it: 16 bits of it.
  var wrappedListLength: Int { (4 + indexes.count * oneChild.count) & 0xffff }
  private var oneChild: [UInt8] {
    var child = Array(Recordings.netdevsim[Self.child..<Self.child + Self.childLength])
    guard statistics else { return child }
    child += [100, 0, 8, 0]  // IFLA_VF_STATS: eight counters, each its own type plus one
    for type in [0, 1, 2, 3, 4, 5, 7, 8] {
      child += [12, 0, UInt8(type), 0, UInt8(type + 1)] + [UInt8](repeating: 0, count: 7)
    }
    child.replaceSubrange(0..<2, with: little(child.count, 2))
    return child
  }

  func bytes() -> [UInt8] {
    var message = Array(Recordings.netdevsim[..<Self.list])
    message.replaceSubrange(Self.number..<Self.number + 4, with: little(count, 4))
    message += little(wrappedListLength, 2) + [22, 0]
    let template = oneChild
    for index in indexes {
      var child = template
      for offset in Self.indexOffsets { child.replaceSubrange(offset..<offset + 4, with: little(index, 4)) }
      // A MAC that tells which VF it is.
      child.replaceSubrange(12..<18, with: [2, 0, 0, 0, UInt8(index >> 8 & 0xff), UInt8(index & 0xff)])
      message += child
    }
    message += Recordings.netdevsim[Self.end...]
    message.replaceSubrange(0..<4, with: little(message.count, 4))
    return message
  }

  private func little(_ number: Int, _ octets: Int) -> [UInt8] { (0..<octets).map { UInt8(number >> (8 * $0) & 0xff) } }
}
