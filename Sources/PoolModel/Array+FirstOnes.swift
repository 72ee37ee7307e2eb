extension Array where Element: Hashable {
  /// Without what was there before.
  package var firstOnes: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
