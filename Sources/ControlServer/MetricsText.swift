import HTTPTypes
import Hummingbird

/// Metric families as text.
///
/// Sources: the OpenMetrics 1.0 specification, and Prometheus' older text format 0.0.4, in which counters' families bear
/// the suffix `_total` and there is no end mark.
struct MetricsText {
  enum Format {
    case prometheus, openMetrics

    /// What the client prefers; the older one unless it names the newer.
    init(accept: String?) {
      self = accept?.contains("application/openmetrics-text") == true ? .openMetrics : .prometheus
    }

    var contentType: String {
      switch self {
      case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
      case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
      }
    }
  }

  enum Kind {
    case gauge, counter, histogram
    /// A counter whose name lacks the suffix that OpenMetrics wants.
    case oldCounter
  }

  typealias Labels = KeyValuePairs<String, String>

  struct Sample {
    var suffix = ""
    var labels: [(name: String, value: String)]
    var value: Double

    init(_ labels: Labels, _ value: Double, suffix: String = "") {
      self.labels = labels.map { (name: $0.key, value: $0.value) }
      self.value = value
      self.suffix = suffix
    }

    init(_ labels: Labels, _ value: Int) { self.init(labels, Double(value)) }
    init(_ labels: Labels, _ value: Bool) { self.init(labels, value ? 1.0 : 0) }
    init(_ value: Int) { self.init([:], Double(value)) }
    init(_ value: Bool) { self.init([:], value) }
  }

  let format: Format
  private(set) var text = ""

  init(_ format: Format) { self.format = format }

  /// A counter's `name` is without `_total`.
  mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
    let total = kind == .counter ? "_total" : ""
    let family = format == .openMetrics ? name : name + total
    text += "# HELP \(family) \(help)\n# TYPE \(family) \(word(kind))\n"
    for sample in samples {
      text += name + total + sample.suffix
      if !sample.labels.isEmpty {
        text += "{" + sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",") + "}"
      }
      text += " \(Self.number(sample.value))\n"
    }
  }

  mutating func end() { if format == .openMetrics { text += "# EOF\n" } }

  private func word(_ kind: Kind) -> String {
    switch kind {
    case .gauge: "gauge"
    case .counter: "counter"
    case .histogram: "histogram"
    case .oldCounter: format == .openMetrics ? "unknown" : "untyped"
    }
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
  }

  private static func escaped(_ value: String) -> String {
    value.contains(where: { $0 == "\\" || $0 == "\"" || $0.isNewline })
      ? value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\r", with: " ")
        .replacing("\n", with: "\\n") : value
  }
}
