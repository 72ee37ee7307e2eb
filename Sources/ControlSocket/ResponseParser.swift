/// Reads one HTTP/1.1 response from bytes that come in any pieces.
///
/// Source: RFC 9112.
struct ResponseParser {
  private enum Step {
    case statusLine, headers, sized(Int), chunkSize, chunk(Int), chunkEnd, trailers, untilClose, complete
  }

  private let path: String
  private let hasBody: Bool
  private let bodyLimit: Int
  private var step = Step.statusLine
  private var buffer: [UInt8] = []
  private var position = 0
  private var headBytes = 0
  private(set) var response = UnixHTTP.Response(status: 0)

  /// The most bytes of the status line, headers and trailers together, and of one chunk's size line.
  static let headLimit = 65_536

  /// `hasBody` is false for the answer to HEAD.
  init(path: String, hasBody: Bool = true, bodyLimit: Int = UnixHTTP.bodyLimit) {
    self.path = path
    self.hasBody = hasBody
    self.bodyLimit = bodyLimit
  }

  var isComplete: Bool { if case .complete = step { true } else { false } }

  /// Takes the next bytes; what comes after the end of the response is ignored.
  mutating func feed(_ bytes: [UInt8]) throws(ControlSocketError) {
    if position == buffer.count {
      buffer = bytes
    } else {
      buffer.removeFirst(position)
      buffer += bytes
    }
    position = 0
    while try advance() {}
  }

  /// The stream has ended: a response that has no length of its own is complete now, any other is cut off.
  mutating func finish() throws(ControlSocketError) {
    switch step {
    case .complete: break
    case .untilClose: step = .complete
    default: throw ControlSocketError(code: .closed, path: path)
    }
  }

  /// What has come of the body since it was taken last.
  mutating func takeBody() -> [UInt8] {
    defer { response.body = [] }
    return response.body
  }

  /// False when more bytes are needed or none are.
  private mutating func advance() throws(ControlSocketError) -> Bool {
    switch step {
    case .statusLine:
      guard let line = try line() else { return false }
      response = UnixHTTP.Response(status: try status(line))
      step = .headers
    case .headers:
      guard let line = try line() else { return false }
      if line.isEmpty { step = try bodyStep() } else { response.headers.append(try header(line)) }
    case .sized(let left):
      let rest = left - (try take(left))
      step = rest == 0 ? .complete : .sized(rest)
      return false
    case .chunkSize:
      guard let line = try line(ofHead: false) else { return false }
      let size = try chunkSize(line)
      step = size == 0 ? .trailers : .chunk(size)
    case .chunk(let left):
      let rest = left - (try take(left))
      step = rest == 0 ? .chunkEnd : .chunk(rest)
      return rest == 0
    case .chunkEnd:
      guard let line = try line(ofHead: false) else { return false }
      guard line.isEmpty else { throw malformed("a chunk is longer than its size") }
      step = .chunkSize
    case .trailers:
      guard let line = try line() else { return false }
      if line.isEmpty { step = .complete }
    case .untilClose:
      _ = try take(buffer.count - position)
      return false
    case .complete: return false
    }
    return true
  }

  /// The next line without its end; nil when it isn't whole yet.
  private mutating func line(ofHead: Bool = true) throws(ControlSocketError) -> String? {
    let used = ofHead ? headBytes : 0
    guard let end = buffer[position...].firstIndex(of: UInt8(ascii: "\n")) else {
      guard used + buffer.count - position <= Self.headLimit else { throw tooLarge("its headers") }
      return nil
    }
    var line = buffer[position..<end]
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    let length = end + 1 - position
    guard used + length <= Self.headLimit else { throw tooLarge("its headers") }
    if ofHead { headBytes += length }
    position = end + 1
    return String(decoding: line, as: UTF8.self)
  }

  /// Moves at most `count` bytes to the body; how many those were.
  private mutating func take(_ count: Int) throws(ControlSocketError) -> Int {
    let taken = min(count, buffer.count - position)
    guard response.body.count + taken <= bodyLimit else { throw tooLarge("more than \(bodyLimit) bytes") }
    response.body += buffer[position..<position + taken]
    position += taken
    return taken
  }

  private func status(_ line: String) throws(ControlSocketError) -> Int {
    let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count >= 2, parts[0] == "HTTP/1.1" || parts[0] == "HTTP/1.0", parts[1].utf8.count == 3,
      let status = Self.number(parts[1], radix: 10), (100...999).contains(status)
    else { throw malformed("its first line is “\(line.prefix(80))”") }
    return status
  }

  private func header(_ line: String) throws(ControlSocketError) -> (name: String, value: String) {
    let halves = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard halves.count == 2, !halves[0].isEmpty, !halves[0].contains(where: \.isWhitespace) else {
      throw malformed("a header is “\(line.prefix(80))”")
    }
    return (String(halves[0]), Self.trimmed(halves[1]))
  }

  private mutating func bodyStep() throws(ControlSocketError) -> Step {
    // 1xx announces the real response (RFC 9110, section 15.2).
    if (100..<200).contains(response.status) { return .statusLine }
    guard hasBody, response.status != 204, response.status != 304 else { return .complete }
    if let coding = response.header("Transfer-Encoding") {
      guard coding.lowercased() == "chunked" else { throw malformed("transfer coding “\(coding.prefix(80))”") }
      return .chunkSize
    }
    let lengths = Set(response.headers.filter { $0.name.lowercased() == "content-length" }.map(\.value))
    guard let text = lengths.first else { return .untilClose }
    guard lengths.count == 1, let length = Self.number(Substring(text), radix: 10) else {
      throw malformed("content length “\(text.prefix(80))”")
    }
    guard length <= bodyLimit else { throw tooLarge("\(length) bytes") }
    response.body.reserveCapacity(length)
    return length == 0 ? .complete : .sized(length)
  }

  private func chunkSize(_ line: String) throws(ControlSocketError) -> Int {
    let digits = Self.trimmed(line.prefix { $0 != ";" })
    guard let size = Self.number(Substring(digits), radix: 16) else {
      throw malformed("a chunk's size is “\(line.prefix(80))”")
    }
    guard size <= bodyLimit - response.body.count else { throw tooLarge("more than \(bodyLimit) bytes") }
    return size
  }

  /// Bare digits only: `Int.init` would take a sign too.
  private static func number(_ text: Substring, radix: Int) -> Int? {
    guard text.first != "+", text.first != "-" else { return nil }
    return Int(text, radix: radix)
  }

  private static func trimmed(_ text: Substring) -> String {
    let isBlank = { (character: Character) in character == " " || character == "\t" }
    var text = text.drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    return String(text)
  }

  private func malformed(_ detail: String) -> ControlSocketError {
    ControlSocketError(code: .malformed, path: path, detail: detail)
  }

  private func tooLarge(_ detail: String) -> ControlSocketError {
    ControlSocketError(code: .tooLarge, path: path, detail: detail)
  }
}
