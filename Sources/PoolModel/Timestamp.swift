/// A moment in UTC, to the millisecond.
public struct Timestamp: Hashable, Sendable {
  /// Since 1970-01-01T00:00:00Z.
  public let milliseconds: Int64

  public init(milliseconds: Int64) { self.milliseconds = milliseconds }
}

extension Timestamp: Comparable {
  public static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }
}

extension Timestamp: LosslessStringConvertible {
  /// RFC 3339 with milliseconds: `2026-11-24T14:51:53.120Z`.
  public var description: String {
    let days = milliseconds.floorDiv(86_400_000)
    let inDay = milliseconds - days * 86_400_000
    let (year, month, day) = Self.civil(days)
    let two = { (n: Int64) in n < 10 ? "0\(n)" : "\(n)" }
    let ms = inDay % 1000
    let padded = ms < 10 ? "00\(ms)" : ms < 100 ? "0\(ms)" : "\(ms)"
    let seconds = inDay / 1000
    return "\(year)-\(two(month))-\(two(day))T"
      + "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60)).\(padded)Z"
  }

  /// Reads RFC 3339 in UTC, with or without fractions, and the shorter `2026-11-24` and `2026-11-24T14:51`.
  public init?(_ text: String) {
    var rest = Substring(text.uppercased())
    if rest.last == "Z" { rest.removeLast() }
    let halves = rest.split(whereSeparator: { $0 == "T" || $0 == " " })
    guard (1...2).contains(halves.count) else { return nil }
    let date = halves[0].split(separator: "-", omittingEmptySubsequences: false).compactMap { Int64($0) }
    guard date.count == 3, (1970...9999).contains(date[0]), (1...12).contains(date[1]), (1...31).contains(date[2])
    else { return nil }
    var ms: Int64 = 0
    if halves.count == 2 {
      let clock = halves[1].split(separator: ":", omittingEmptySubsequences: false)
      guard (2...3).contains(clock.count), let hour = Int64(clock[0]), let minute = Int64(clock[1]),
        (0...23).contains(hour), (0...59).contains(minute)
      else { return nil }
      let second = clock.count == 3 ? Double(clock[2]) : 0
      guard let second, second >= 0, second < 61 else { return nil }
      ms = (hour * 3600 + minute * 60) * 1000 + Int64((second * 1000).rounded())
    }
    self.init(milliseconds: Self.days(date[0], date[1], date[2]) * 86_400_000 + ms)
  }

  /// Days since 1970 to a proleptic Gregorian date.
  private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
    let z = days + 719_468
    let era = z.floorDiv(146_097)
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
  }

  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let y = month <= 2 ? year - 1 : year
    let era = y.floorDiv(400)
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}

extension Timestamp: Codable {
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let value = Timestamp(text) else { throw malformed(text, "an RFC 3339 time", decoder) }
    self = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension Int64 {
  fileprivate func floorDiv(_ divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
