extension Set<Int> {
  /// The greatest number in such a list, which is libvirt's own limit (`VIR_DOMAIN_CPUMASK_LEN`).
  private static var greatest: Int { 16_383 }

  /// Reads CPUs or NUMA nodes as libvirt (`virBitmapParse`) and the kernel (`cpulist`) list them: `0-3,^2,8`. A `^` takes
  /// out what stands before it. Nil for anything else; an empty list is empty.
  public init?(list text: some StringProtocol) {
    self.init()
    let parts = String(text.filter { !$0.isWhitespace })
    if parts.isEmpty { return }
    for part in parts.split(separator: ",", omittingEmptySubsequences: false) {
      if part.hasPrefix("^") {
        guard let number = Self.number(part.dropFirst()) else { return nil }
        remove(number)
        continue
      }
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map(Self.number)
      guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last else {
        return nil
      }
      formUnion(first...last)
    }
  }

  private static func number(_ text: some StringProtocol) -> Int? {
    guard text.allSatisfy(\.isNumber), let number = Int(text), number <= greatest else { return nil }
    return number
  }

  /// `0-3,8`
  public var list: String {
    var ranges: [ClosedRange<Int>] = []
    for number in sorted() {
      if let last = ranges.last, last.upperBound == number - 1 {
        ranges[ranges.count - 1] = last.lowerBound...number
      } else {
        ranges.append(number...number)
      }
    }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}
