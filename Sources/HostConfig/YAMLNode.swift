/// A part of a YAML document.
indirect enum YAMLNode: Hashable {
  struct Pair: Hashable {
    var key: String
    /// The key's line, counted from 1.
    var line: Int
    var value: YAMLNode
  }

  /// Without quotes; an empty one is a null.
  case scalar(String)
  case mapping([Pair])
  case sequence([YAMLNode])

  var pairs: [Pair] { if case .mapping(let pairs) = self { pairs } else { [] } }

  /// Of keys that stand there twice the last.
  subscript(key: String) -> YAMLNode? { pairs.last { $0.key == key }?.value }

  /// Nil for a mapping, a sequence and a null.
  var scalar: String? { if case .scalar(let text) = self, !text.isEmpty { text } else { nil } }

  /// A scalar as the only one of a list.
  var scalars: [String] {
    if case .sequence(let nodes) = self { nodes.compactMap(\.scalar) } else { [scalar].compactMap(\.self) }
  }
}
