import ControlSocket

/// The query of a request; absent values leave no trace.
struct Query {
  private(set) var text = ""

  mutating func add(_ name: String, _ value: (some CustomStringConvertible)?) {
    guard let value else { return }
    text += (text.isEmpty ? "?" : "&") + percentEncoded(name) + "=" + percentEncoded(value.description)
  }
}
