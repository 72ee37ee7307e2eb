import Glibc

/// HTTP/1.1 over a Unix socket: blocking, one connection a request, nothing kept open in between.
public struct UnixHTTP: Sendable {
  /// The socket's path.
  public let path: String

  /// The most bytes of a response's body that are accepted: 64 MiB.
  public static let bodyLimit = 64 << 20

  public init(path: String) { self.path = path }

  /// What is asked.
  public struct Request: Sendable {
    /// `GET`, `POST` …
    public var method: String
    /// Path and query, already encoded: `/v1/vfs?pf=enp1s0`.
    public var target: String
    /// In the order in which they are sent; `Host`, `Connection` and `Content-Length` are added.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]

    public init(method: String, target: String, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
      self.method = method
      self.target = target
      self.headers = headers
      self.body = body
    }
  }

  /// What came back.
  public struct Response: Sendable {
    public var status: Int
    /// As received, in order.
    public var headers: [(name: String, value: String)]
    /// Whole, chunks joined.
    public var body: [UInt8]

    public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
      self.status = status
      self.headers = headers
      self.body = body
    }

    /// The first value of a header, its name in either case.
    public func header(_ name: String) -> String? {
      headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
  }

  /// Sends `request` and waits for the whole response.
  ///
  /// `timeoutMilliseconds` bounds connecting, sending and receiving together; nil = waits for as long as it takes.
  /// Every status is a success here. Throws when there is no whole response in time.
  public func send(_ request: Request, timeoutMilliseconds: Int?) throws(ControlSocketError) -> Response {
    try exchange(request, Deadline(milliseconds: timeoutMilliseconds)) { _ in }
  }

  /// Sends `request`, and gives `take` what comes of a successful response's body as it comes, until it ends.
  ///
  /// Waits for as long as it takes. Returns any other response whole; nil: it was a success, and has ended. Throws when
  /// the connection breaks.
  public func stream(
    _ request: Request, _ take: ([UInt8]) -> Void
  ) throws(ControlSocketError) -> Response? {
    let response = try exchange(request, Deadline(milliseconds: nil)) { parser in
      guard parser.response.isSuccess else { return }
      let body = parser.takeBody()
      if !body.isEmpty { take(body) }
    }
    return response.isSuccess ? nil : response
  }

  /// `received` is called whenever something of the response has come.
  private func exchange(
    _ request: Request, _ deadline: Deadline, _ received: (inout ResponseParser) -> Void
  ) throws(ControlSocketError) -> Response {
    let connection = try Connection(path: path, deadline: deadline)
    try connection.connect()
    do throws(ControlSocketError) {
      try connection.send(request.encoded)
    } catch  where error.code == .closed {
      // A server may answer and close before it has read a body that it doesn't want: the answer says why.
    }
    var parser = ResponseParser(path: path, hasBody: request.method != "HEAD")
    while !parser.isComplete {
      guard let bytes = try connection.receive() else {
        try parser.finish()
        break
      }
      try parser.feed(bytes)
      received(&parser)
    }
    return parser.response
  }
}

extension UnixHTTP.Response {
  fileprivate var isSuccess: Bool { (200..<300).contains(status) }
}

extension UnixHTTP.Request {
  /// The request as bytes on the wire.
  var encoded: [UInt8] {
    var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    if !body.isEmpty || (method != "GET" && method != "HEAD") { head += "Content-Length: \(body.count)\r\n" }
    head += "\r\n"
    return Array(head.utf8) + body
  }
}
