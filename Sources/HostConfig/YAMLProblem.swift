/// Why a text can't be read as YAML.
struct YAMLProblem: Error, Hashable {
  /// Counted from 1.
  var line: Int
  /// The reason in words.
  var text: String
}
