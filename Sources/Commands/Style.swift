import Glibc

/// A colour, or another way of standing out.
enum Paint: String, Sendable {
  case bold = "1"
  case red = "31"
  case green = "32"
  case yellow = "33"
  case magenta = "35"
  case boldBlue = "1;34"
}

/// How text for people is dressed.
struct Style: Hashable, Sendable {
  var colours: Bool
  /// How many columns a terminal has; nil = no terminal, nothing is left out.
  var width: Int?

  static let plain = Style(colours: false, width: nil)

  /// Colours only on a terminal, and not when NO_COLOR (no-color.org) or a dumb terminal forbids them.
  static var ofStandardOutput: Style {
    guard let size = TerminalSize.ofStandardOutput else { return .plain }
    let forbidden = !(Console.environment("NO_COLOR") ?? "").isEmpty || Console.environment("TERM") == "dumb"
    return Style(colours: !forbidden, width: size.columns)
  }

  func paint(_ text: String, _ paint: Paint?) -> String {
    guard colours, let paint, !text.isEmpty else { return text }
    return "\u{1b}[\(paint.rawValue)m\(text)\u{1b}[0m"
  }
}
