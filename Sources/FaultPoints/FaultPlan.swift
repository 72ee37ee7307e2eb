/// Which faults happen where: `networks.claim/after:3=kill, links.write/before=EBUSY, any:17=kill, trace=FILE`.
///
/// Rules are separated by commas or white space. `POINT:N` is the Nth time that a point is passed, N = 1 when it is left
/// out; `POINT:N+` is every time from then on; `any` stands for all points, counted together.
public struct FaultPlan: Hashable, Sendable {
  public enum Fault: Hashable, Sendable {
    /// SIGKILL.
    case kill
    case error(FaultError.Kind)
  }

  public struct Rule: Hashable, Sendable {
    /// Nil = any.
    public var point: FaultPoint?
    /// The first time that it counts, from 1.
    public var hit: Int
    /// Every time from then on.
    public var repeats: Bool
    public var fault: Fault

    public init(point: FaultPoint?, hit: Int = 1, repeats: Bool = false, fault: Fault) {
      self.point = point
      self.hit = hit
      self.repeats = repeats
      self.fault = fault
    }
  }

  /// What a plan's text can't mean.
  public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
    /// The rule as it was written.
    public var rule: String
    public var reason: String
    public var description: String { "fault rule '\(rule)': \(reason)" }
  }

  public var rules: [Rule]
  /// The file to which each point that is passed is written, one a line.
  public var trace: String?

  public init(rules: [Rule] = [], trace: String? = nil) {
    self.rules = rules
    self.trace = trace
  }

  public init(_ text: String) throws(Problem) {
    self.init()
    for rule in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
      let sides = rule.split(separator: "=", maxSplits: 1)
      guard sides.count == 2 else {
        throw Problem(rule: String(rule), reason: "it is none of POINT[:N[+]]=FAULT and trace=FILE")
      }
      if sides[0] == "trace" { trace = String(sides[1]) } else { rules.append(try Rule(sides[0], sides[1])) }
    }
  }
}

extension FaultPlan.Rule {
  fileprivate init(_ place: Substring, _ fault: Substring) throws(FaultPlan.Problem) {
    let problem = { FaultPlan.Problem(rule: "\(place)=\(fault)", reason: $0) }
    let parts = place.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let point = FaultPoint(parts[0])
    if point == nil, parts[0] != "any" {
      throw problem("there is no point \(parts[0]); points are as networks.claim/after, or any")
    }
    var count = parts.count == 2 ? parts[1] : "1"
    let repeats = count.last == "+"
    if repeats { count.removeLast() }
    guard let hit = Int(count), hit > 0 else { throw problem("\(count) is no number from 1 up") }
    if fault == "kill" {
      self.init(point: point, hit: hit, repeats: repeats, fault: .kill)
    } else if let kind = FaultError.Kind(rawValue: String(fault)) {
      self.init(point: point, hit: hit, repeats: repeats, fault: .error(kind))
    } else {
      let kinds = FaultError.Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw problem("there is no fault \(fault); there are kill, \(kinds)")
    }
  }
}

/// A plan and how often each point was passed.
public struct FaultCounter: Sendable {
  public let plan: FaultPlan
  private var hits: [FaultPoint: Int] = [:]
  /// Points passed, all together.
  public private(set) var total = 0

  public init(_ plan: FaultPlan) { self.plan = plan }

  /// Counts a point that is being passed; the rule that strikes there, the plan's first if there are several.
  public mutating func pass(_ point: FaultPoint) -> FaultPlan.Rule? {
    total += 1
    let own = hits[point, default: 0] + 1
    hits[point] = own
    return plan.rules.first { rule in
      guard rule.point == nil || rule.point == point else { return false }
      let count = rule.point == nil ? total : own
      return count == rule.hit || rule.repeats && count > rule.hit
    }
  }
}
