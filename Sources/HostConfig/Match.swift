/// Whether a setting is about a PF.
enum Match: Comparable {
  case no
  /// It depends on what isn't known here.
  case maybe
  case yes

  init(_ isTrue: Bool) { self = isTrue ? .yes : .no }

  static prefix func ! (match: Match) -> Match {
    switch match {
    case .no: .yes
    case .maybe: .maybe
    case .yes: .no
    }
  }
}

extension Sequence where Element == Match {
  /// Of none: yes.
  var all: Match { self.min() ?? .yes }
  /// Of none: no.
  var any: Match { self.max() ?? .no }
}
