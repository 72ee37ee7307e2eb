import ControlAPI

/// A pool's VFs as a bar: `[####=h....!x]`.
struct UsageBar: Hashable, Sendable {
  struct Part: Hashable, Sendable {
    let sign: Character
    let paint: Paint?
    let count: Int
  }

  let parts: [Part]

  init(_ pool: PoolRow) {
    parts = [
      Part(sign: "#", paint: .boldBlue, count: pool.leased), Part(sign: "=", paint: .yellow, count: pool.reserved),
      Part(sign: "h", paint: .yellow, count: pool.hostUsed), Part(sign: ".", paint: .green, count: pool.free),
      Part(sign: "!", paint: .red, count: pool.quarantined), Part(sign: "x", paint: .red, count: pool.gone),
    ]
  }

  /// How many of `places` each part gets: in proportion, and at least one where there is something to show.
  func shares(of places: Int) -> [Int] {
    let total = parts.reduce(0) { $0 + $1.count }
    guard total > 0 else { return parts.map { _ in 0 } }
    guard total > places else { return parts.map(\.count) }
    var shares = parts.map { $0.count == 0 ? 0 : max(1, $0.count * places / total) }
    // What rounding left or took goes to the part that it distorts least: the largest.
    var rest = places - shares.reduce(0, +)
    while rest != 0, let largest = shares.indices.max(by: { shares[$0] < shares[$1] }) {
      let step = rest > 0 ? 1 : -1
      shares[largest] += step
      rest -= step
    }
    return shares
  }

  /// The bar, `places` signs or fewer between brackets.
  func text(places: Int, _ style: Style) -> String {
    let signs = zip(parts, shares(of: places)).map { part, share in
      style.paint(String(repeating: part.sign, count: share), part.paint)
    }
    return "[" + signs.joined() + "]"
  }
}
