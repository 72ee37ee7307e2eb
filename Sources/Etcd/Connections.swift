import AsyncHTTPClient
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// HTTP/1.1 to the members: few connections, given up after a minute without use.
///
/// HTTP/2 would put all requests and watches on one connection, which a request that gets no answer doesn't close.
struct Connections: Sendable {
  private let http: HTTPClient
  private let files: TLSFiles

  init(_ configuration: EtcdConfiguration, _ group: any EventLoopGroup, log: Logger) throws(EtcdError) {
    files = try TLSFiles(configuration, log: log)
    var settings = HTTPClient.Configuration()
    settings.httpVersion = .http1Only
    settings.redirectConfiguration = .disallow
    settings.connectionPool = .init(idleTimeout: .seconds(60), concurrentHTTP1ConnectionsPerHostSoftLimit: 8)
    // The next endpoint is tried, not this one again.
    settings.connectionPool.retryConnectionEstablishment = false
    settings.timeout.connect = TimeAmount(configuration.requestTimeout)
    settings.http1_1ConnectionDebugInitializer = Self.keepAlive
    http = HTTPClient(eventLoopGroup: group, configuration: settings)
  }

  func shutdown() async { try? await http.shutdown() }

  /// A peer that is gone without a word is noticed after about 30 s on a connection without traffic.
  private static func keepAlive(_ channel: any Channel) -> EventLoopFuture<Void> {
    let options: [(ChannelOptions.Types.SocketOption, ChannelOptions.Types.SocketOption.Value)] = [
      (.init(level: .socket, name: .so_keepalive), 1),
      (.init(level: .tcp, name: .init(rawValue: TCP_KEEPIDLE)), 15),
      (.init(level: .tcp, name: .init(rawValue: TCP_KEEPINTVL)), 5),
      (.init(level: .tcp, name: .init(rawValue: TCP_KEEPCNT)), 3),
      (.init(level: .tcp, name: .init(rawValue: TCP_USER_TIMEOUT)), 30_000),
    ]
    return .andAllSucceed(options.map { channel.setOption($0, value: $1) }, on: channel.eventLoop)
  }

  /// Asks one member: `call` is the path behind `/v3/`. `progress` is told how far it came.
  func post(
    _ call: String, _ body: [UInt8], to endpoint: EtcdEndpoint, token: String?, needsLeader: Bool = true,
    progress: Exchange
  ) async throws -> HTTPClientResponse {
    var request = HTTPClientRequest(url: "\(endpoint)/v3/\(call)")
    request.method = .POST
    request.headers = ["Content-Type": "application/json"]
    // A member without a leader says so at once, and ends its watches, instead of waiting for one.
    if needsLeader { request.headers.add(name: "Grpc-Metadata-hasleader", value: "true") }
    if let token { request.headers.add(name: "Authorization", value: token) }
    request.body = .stream(MarkedBody(bytes: body, progress: progress), length: .known(Int64(body.count)))
    if endpoint.isSecure { request.tlsConfiguration = files.current }
    let response = try await http.execute(request, deadline: .distantFuture)
    progress.reached(.answering)
    return response
  }
}

/// How far one request came.
final class Exchange: Sendable {
  enum Step: Int, Comparable, Sendable {
    /// Nothing of the request that could have been done was sent.
    case connecting
    /// The member may be doing it.
    case sent
    /// The answer has begun.
    case answering

    static func < (one: Step, other: Step) -> Bool { one.rawValue < other.rawValue }
  }

  private let state = Mutex(Step.connecting)

  var step: Step { state.withLock { $0 } }

  func reached(_ step: Step) { state.withLock { $0 = max($0, step) } }
}

/// A request's body that tells when it is asked for: not before there is a connection.
private struct MarkedBody: AsyncSequence, Sendable {
  let bytes: [UInt8]
  let progress: Exchange

  struct AsyncIterator: AsyncIteratorProtocol {
    var body: MarkedBody?

    mutating func next() async -> ByteBuffer? {
      defer { body = nil }
      body?.progress.reached(.sent)
      return body.map { ByteBuffer(bytes: $0.bytes) }
    }
  }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self) }
}
