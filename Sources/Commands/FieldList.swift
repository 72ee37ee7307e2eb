/// Names and values of one object, a line each.
struct FieldList {
  private var fields: [(name: String, value: String, paint: Paint?)] = []

  /// Nil is shown as `-`.
  mutating func add(_ name: String, _ value: (some CustomStringConvertible)?, _ paint: Paint? = nil) {
    fields.append((name, printable(value?.description ?? "-"), paint))
  }

  func text(_ style: Style) -> String {
    let width = fields.map { displayWidth($0.name) }.max() ?? 0
    return fields.map { field in
      let space = String(repeating: " ", count: width - displayWidth(field.name))
      return "\(field.name)\(space)  \(style.paint(field.value, field.paint))\n"
    }.joined()
  }
}
