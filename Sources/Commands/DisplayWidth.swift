/// How many columns of a terminal `text` takes: wide characters take two, combining ones none.
///
/// Source: Unicode Standard Annex 11 (East Asian Width), its wide blocks.
func displayWidth(_ text: String) -> Int { text.reduce(0) { $0 + width($1) } }

/// `text` with everything that would move the cursor or change a terminal's state replaced: names come from strangers.
func printable(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: isUnprintable) else { return text }
  var safe = String.UnicodeScalarView()
  for scalar in text.unicodeScalars { safe.append(isUnprintable(scalar) ? "\u{fffd}" : scalar) }
  return String(safe)
}

/// A line for people, and one for each note.
func noted(_ line: String, _ notes: [String]) -> String {
  printable(line) + "\n" + notes.map { "  note: \(printable($0))\n" }.joined()
}

private func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .lineSeparator, .paragraphSeparator: true
  // Bidirectional overrides and isolates turn the rest of a line around.
  case .format: (0x202a...0x202e).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
  default: false
  }
}

private func width(_ character: Character) -> Int {
  guard let first = character.unicodeScalars.first, first.value >= 0x300 else { return 1 }
  switch first.properties.generalCategory {
  case .nonspacingMark, .enclosingMark, .format: return 0
  default: break
  }
  let isWide =
    first.properties.isEmojiPresentation || character.unicodeScalars.contains("\u{fe0f}")
    || wideBlocks.contains { $0.contains(first.value) }
  return isWide ? 2 : 1
}

private let wideBlocks: [ClosedRange<UInt32>] = [
  0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x33ff, 0x3400...0x4dbf, 0x4e00...0x9fff, 0xa000...0xa4cf,
  0xa960...0xa97f, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6,
  0x20000...0x3fffd,
]
