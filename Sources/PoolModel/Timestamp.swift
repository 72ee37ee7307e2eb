/// A moment in UTC, to the millisecond.
public struct Timestamp: Hashable, Sendable {
  /// Since 1970-01-01T00:00:00Z.
  public let milliseconds: Int64

  public init(milliseconds: Int64) { self.milliseconds = milliseconds }
}

extension Timestamp: Comparable {
  public static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }
}

extension Timestamp {
  /// The same time of day so many calendar months earlier; on the last day of a month that has no such day.
  public func earlier(months: Int) -> Timestamp {
    let days = milliseconds.floorDiv(86_400_000)
    let (year, month, day) = Self.civil(days)
    let sum = year * 12 + month - 1 - Int64(months)
    let (newYear, newMonth) = (sum.floorDiv(12), sum - sum.floorDiv(12) * 12 + 1)
    let next = newMonth == 12 ? Self.days(newYear + 1, 1, 1) : Self.days(newYear, newMonth + 1, 1)
    let newDays = min(Self.days(newYear, newMonth, 1) + day, next) - 1
    return Timestamp(milliseconds: milliseconds + (newDays - days) * 86_400_000)
  }
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
  ///
  /// A blank may stand for the `T`, and the `Z` may be missing. Nil for anything else, other zones and days that no
  /// month has included. A leap second is the first of the next minute.
  public init?(_ text: String) {
    var rest = Substring(text.uppercased())
    if rest.last == "Z" { rest.removeLast() }
    let halves = rest.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "T" || $0 == " " })
    guard halves.count <= 2, let days = Self.days(halves[0]),
      let milliseconds = halves.count == 2 ? Self.milliseconds(halves[1]) : 0
    else { return nil }
    self.init(milliseconds: days * 86_400_000 + milliseconds)
  }

  /// Days since 1970 to `2026-11-24`.
  private static func days(_ text: Substring) -> Int64? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, let year = number(parts[0], digits: 4), year >= 1970,
      let month = number(parts[1], digits: 2), let day = number(parts[2], digits: 2)
    else { return nil }
    let days = days(year, month, day)
    return civil(days) == (year, month, day) ? days : nil
  }

  /// Milliseconds since midnight at `14:51`, `14:51:53` or `14:51:53.12`.
  private static func milliseconds(_ text: Substring) -> Int64? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (2...3).contains(parts.count), let hour = number(parts[0], digits: 2), hour < 24,
      let minute = number(parts[1], digits: 2), minute < 60
    else { return nil }
    let minutes = (hour * 60 + minute) * 60_000
    guard parts.count == 3 else { return minutes }
    let halves = parts[2].split(separator: ".", omittingEmptySubsequences: false)
    guard halves.count <= 2, let second = number(halves[0], digits: 2), second <= 60 else { return nil }
    guard halves.count == 2 else { return minutes + second * 1000 }
    guard !halves[1].isEmpty, let fraction = number((halves[1] + "00").prefix(3), digits: 3),
      halves[1].utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
    else { return nil }
    return minutes + second * 1000 + fraction
  }

  /// Exactly so many digits, no sign.
  private static func number(_ text: Substring, digits: Int) -> Int64? {
    guard text.utf8.count == digits, text.first != "+", text.first != "-" else { return nil }
    return Int64(text)
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

extension Timestamp: TextCoded {
  public static var shape: String { "an RFC 3339 time" }
}

extension Int64 {
  fileprivate func floorDiv(_ divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
