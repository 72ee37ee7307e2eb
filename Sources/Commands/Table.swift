/// What stands in one place of a table.
struct Cell: Sendable {
  /// How many columns it takes.
  let width: Int
  /// The text as it is printed.
  let dressed: @Sendable (Style) -> String

  /// Nil is shown as `-`.
  init(_ value: (some CustomStringConvertible)?, _ paint: Paint? = nil) {
    let text = printable(value?.description ?? "-")
    width = displayWidth(text)
    dressed = { $0.paint(text, paint) }
  }

  init(isOn: Bool?) { self.init(isOn.map { $0 ? "on" : "off" }) }

  init(_ bar: UsageBar, places: Int) {
    width = bar.shares(of: places).reduce(2, +)
    dressed = { bar.text(places: places, $0) }
  }
}

/// A column of a table: its title, and what it shows of a row.
struct Column<Row>: Sendable {
  enum Alignment: Sendable { case left, right }

  let title: String
  let alignment: Alignment
  /// Left out when the terminal is too narrow, the last one first.
  let isOptional: Bool
  let cell: @Sendable (Row) -> Cell

  init(_ title: String, _ alignment: Alignment = .left, optional: Bool = false, cell: @escaping @Sendable (Row) -> Cell)
  {
    self.title = title
    self.alignment = alignment
    isOptional = optional
    self.cell = cell
  }
}

/// Rows under a line of titles, aligned by the columns that a terminal gives each character.
struct Table<Row> {
  let columns: [Column<Row>]
  let rows: [Row]

  private static var gap: Int { 2 }

  init(_ rows: [Row], _ columns: [Column<Row>]) {
    self.rows = rows
    self.columns = columns
  }

  /// The table's lines, each with a line break.
  func text(_ style: Style) -> String {
    var drawn = columns.map { column in
      let cells = rows.map(column.cell)
      return (column: column, cells: cells, width: cells.map(\.width).reduce(displayWidth(column.title), max))
    }
    if let limit = style.width {
      while drawn.reduce(0, { $0 + $1.width + Self.gap }) - Self.gap > limit,
        let last = drawn.lastIndex(where: { $0.column.isOptional })
      {
        drawn.remove(at: last)
      }
    }
    var text = line(drawn.map { ($0.column.title, displayWidth($0.column.title), $0.width, $0.column.alignment) }) {
      style.paint($0, .bold)
    }
    for row in rows.indices {
      text += line(
        drawn.map { ($0.cells[row].dressed(style), $0.cells[row].width, $0.width, $0.column.alignment) }, dress: { $0 })
    }
    return text
  }

  private func line(
    _ places: [(text: String, used: Int, width: Int, alignment: Column<Row>.Alignment)], dress: (String) -> String
  ) -> String {
    var line = ""
    var owed = 0
    for place in places {
      let space = place.width - place.used
      if place.alignment == .right { owed += space }
      line += String(repeating: " ", count: owed) + dress(place.text)
      owed = Self.gap + (place.alignment == .left ? space : 0)
    }
    return line + "\n"
  }
}
