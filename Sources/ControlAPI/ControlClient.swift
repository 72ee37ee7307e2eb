import ControlSocket
import FoundationEssentials
import Glibc

/// Talks to vfpoold over its Unix sockets: blocking, one connection a request.
public struct ControlClient: Sendable {
  /// The socket that takes every request.
  public let readWrite: String
  /// The socket for reads where `readWrite` is missing or forbidden; nil = none.
  public let readOnly: String?

  /// How many milliseconds an answer to a quick request may take.
  static let patience = 30_000

  public init(readWrite: String = SocketPath.readWrite, readOnly: String? = SocketPath.readOnly) {
    self.readWrite = readWrite
    self.readOnly = readOnly
  }

  /// By way of the sockets that vfpool.conf names.
  public static var ofHost: ControlClient {
    let text = try? String(contentsOfFile: HookConfiguration.defaultPath, encoding: .utf8)
    return ControlClient(configuration: text ?? "")
  }

  init(configuration text: String) {
    var (readWrite, readOnly) = (SocketPath.readWrite, SocketPath.readOnly)
    for (key, value) in ConfigurationText(text) {
      switch key {
      case "socket": readWrite = String(value)
      case "socket-ro": readOnly = String(value)
      default: break
      }
    }
    self.init(readWrite: readWrite, readOnly: readOnly)
  }

  /// Gives `take` each event as it comes, beginning with those after event `last` that vfpoold still knows; returns when
  /// vfpoold ends. `take` also gets nothing at all now and then: the connection stands.
  public func watch(after last: Int64?, _ take: ([EventReader.Message]) -> Void) throws(ControlClientError) {
    try watch(Route.events, after: last, take)
  }

  func watch(
    _ path: String, after last: Int64?, _ take: ([EventReader.Message]) -> Void
  ) throws(ControlClientError) {
    let headers = last.map { [(name: "Last-Event-ID", value: "\($0)")] } ?? []
    let request = UnixHTTP.Request(method: "GET", target: path, headers: headers)
    let first = stream(request, readWrite, take)
    guard case .failure(let obstacle) = first, let readOnly, isElsewhere(obstacle) else {
      return try ended(first, request)
    }
    try ended(stream(request, readOnly, take), request)
  }

  private func stream(
    _ request: UnixHTTP.Request, _ socket: String, _ take: ([EventReader.Message]) -> Void
  ) -> Result<UnixHTTP.Response?, ControlSocketError> {
    var reader = EventReader()
    do throws(ControlSocketError) {
      return .success(try UnixHTTP(path: socket).stream(request) { take(reader.feed($0)) })
    } catch {
      return .failure(error)
    }
  }

  private func ended(
    _ result: Result<UnixHTTP.Response?, ControlSocketError>, _ request: UnixHTTP.Request
  ) throws(ControlClientError) {
    let operation = "\(request.method) \(request.target)"
    switch result {
    case .failure(let error) where error.code == .closed: break
    case .failure(let error): throw ControlClientError(error, operation)
    case .success(let response?): throw ControlClientError(response, operation)
    case .success(nil): break
    }
  }

  /// Whether the other socket may work.
  private func isElsewhere(_ obstacle: ControlSocketError) -> Bool {
    obstacle.code == .unreachable && [EACCES, EPERM, ENOENT].contains(obstacle.errno)
  }

  /// The body of a successful answer to a GET.
  func read(_ path: String, _ query: Query = Query()) throws(ControlClientError) -> [UInt8] {
    let request = UnixHTTP.Request(method: "GET", target: path + query.text)
    let first = exchange(request, readWrite, Self.patience)
    guard case .failure(let obstacle) = first, let readOnly, isElsewhere(obstacle)
    else { return try success(first, request) }
    let second = exchange(request, readOnly, Self.patience)
    // When neither socket works, one that is there says more than one that is missing.
    if case .failure(let error) = second, obstacle.errno != ENOENT || error.errno == ENOENT {
      return try success(first, request)
    }
    return try success(second, request)
  }

  /// The decoded answer to a GET.
  func get<Answer: Decodable>(_ path: String, _ query: Query = Query()) throws(ControlClientError) -> Answer {
    try decode(read(path, query), "GET \(path)")
  }

  /// The decoded answer to a request that may change something; `timeout` in milliseconds, nil = none.
  func send<Answer: Decodable>(
    _ method: String, _ path: String, _ query: Query = Query(), body: [UInt8] = [],
    type: String = "application/json", timeout: Int? = Self.patience
  ) throws(ControlClientError) -> Answer {
    let headers = body.isEmpty ? [] : [(name: "Content-Type", value: type)]
    let request = UnixHTTP.Request(method: method, target: path + query.text, headers: headers, body: body)
    return try decode(success(exchange(request, readWrite, timeout), request), "\(method) \(path)")
  }

  private func exchange(
    _ request: UnixHTTP.Request, _ socket: String, _ timeout: Int?
  ) -> Result<UnixHTTP.Response, ControlSocketError> {
    do throws(ControlSocketError) {
      return .success(try UnixHTTP(path: socket).send(request, timeoutMilliseconds: timeout))
    } catch {
      return .failure(error)
    }
  }

  private func success(
    _ result: Result<UnixHTTP.Response, ControlSocketError>, _ request: UnixHTTP.Request
  ) throws(ControlClientError) -> [UInt8] {
    let operation = "\(request.method) \(request.target.prefix { $0 != "?" })"
    switch result {
    case .failure(let error): throw ControlClientError(error, operation)
    case .success(let response) where (200..<300).contains(response.status): return response.body
    case .success(let response): throw ControlClientError(response, operation)
    }
  }

  func decode<Answer: Decodable>(_ body: [UInt8], _ operation: String) throws(ControlClientError) -> Answer {
    do {
      return try JSONDecoder().decode(Answer.self, from: Data(body))
    } catch {
      throw ControlClientError(
        code: .malformed, operation: operation,
        text: "can't read vfpoold's answer to \(operation): are vfpool and vfpoold of one version? (\(error))")
    }
  }
}

extension ControlClientError {
  init(_ error: ControlSocketError, _ operation: String) {
    let cause = error.errno == 0 ? "" : " (\(String(cString: strerror(error.errno)).lowercased()))"
    switch error.code {
    case .unreachable where [EACCES, EPERM].contains(error.errno):
      let group = error.path == SocketPath.readOnly ? "libvirt" : "vfpool"
      self.init(
        code: .refused, operation: operation, errno: error.errno,
        text: "no permission to use \(error.path): run this as root or as a member of the group \(group)")
    case .unreachable:
      self.init(
        code: .unreachable, operation: operation, errno: error.errno,
        text: "vfpoold doesn't answer on \(error.path)\(cause); start it with: systemctl start vfpoold")
    case .malformed, .tooLarge:
      self.init(code: .malformed, operation: operation, errno: error.errno, text: error.description)
    case .timedOut, .closed:
      self.init(code: .failed, operation: operation, errno: error.errno, text: error.description)
    }
  }

  init(_ response: UnixHTTP.Response, _ operation: String) {
    let text =
      (try? JSONDecoder().decode(Failure.self, from: Data(response.body)))?.error
      ?? "vfpoold answered \(operation) with status \(response.status)"
    self.init(
      code: (400..<500).contains(response.status) ? .refused : .failed, operation: operation, status: response.status,
      text: text)
  }
}
