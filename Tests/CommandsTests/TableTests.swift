import Testing

@testable import Commands

@Suite struct TableTests {
  struct Row: Sendable {
    var name: String
    var count: Int?
    var note = "x"
  }

  static let columns: [Column<Row>] = [
    Column("NAME") { Cell($0.name, .green) },
    Column("COUNT", .right) { Cell($0.count) },
    Column("NOTE", optional: true) { Cell($0.note) },
    Column("END") { _ in Cell("e") },
  ]

  @Test func alignsLeftAndRightWithoutTrailingBlanks() {
    let text = Table([Row(name: "a", count: 12_345_678), Row(name: "longer", count: nil)], Self.columns).text(.plain)
    #expect(
      text == """
        NAME       COUNT  NOTE  END
        a       12345678  x     e
        longer         -  x     e

        """)
  }

  @Test func countsColumnsNotCharacters() {
    let rows = [Row(name: "日本", count: 1), Row(name: "e\u{301}", count: 1), Row(name: "👩‍👩‍👧", count: 1)]
    let lines = Table(rows, Self.columns).text(.plain).split(separator: "\n")
    #expect(lines.map { displayWidth(String($0)) } == [22, 20, 20, 20])
    #expect(lines[1].hasPrefix("日本      1"))
    #expect(lines[2].hasPrefix("e\u{301}         1"))
  }

  @Test func namesCannotSteerTheTerminal() {
    let text = Table([Row(name: "a\u{1b}[2J\n\u{202e}b", count: 1)], Self.columns).text(.plain)
    #expect(text.split(separator: "\n")[1].hasPrefix("a\u{fffd}[2J\u{fffd}\u{fffd}b  "))
  }

  @Test func coloursDontMoveColumns() {
    let text = Table([Row(name: "a", count: 1)], Self.columns).text(Style(colours: true, width: nil))
    #expect(text.contains("\u{1b}[32ma\u{1b}[0m         1  x     e\n"))
    #expect(text.hasPrefix("\u{1b}[1mNAME\u{1b}[0m  "))
  }

  @Test(arguments: [(23, true), (22, true), (21, false), (5, false)])
  func optionalColumnsGoWhenTheTerminalIsNarrow(width: Int, noteIsThere: Bool) {
    let rows = [Row(name: "abcd", count: 1)]
    let text = Table(rows, Self.columns).text(Style(colours: false, width: width))
    #expect(text.contains("NOTE") == noteIsThere)
    #expect(text.contains("END"))
  }
}
