import Etcd
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Listens like a member, and reacts as a test wants it to.
final class FakeMember: Sendable {
  enum Reaction: Sendable {
    case answer(Int, String)
    /// Goes on answering: this comes now, and nothing more.
    case stream(String)
    /// The same, and hangs up then.
    case brokenStream(String)
    /// Hangs up without an answer.
    case close
    /// Says nothing.
    case silence
  }

  struct Request: Hashable, Sendable {
    /// Behind `/v3/`.
    var call: String
    var body: String
    var token: String?
  }

  let endpoint: EtcdEndpoint
  private let channel: any Channel
  private let received: ReceivedRequests

  /// In their order.
  var requests: [Request] { received.all.withLock { $0 } }

  init(_ react: @escaping @Sendable (Request) -> Reaction) async throws {
    let received = ReceivedRequests()
    self.received = received
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Handler(received, react))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    endpoint = try EtcdEndpoint("http://127.0.0.1:\(channel.localAddress?.port ?? 0)")
  }

  deinit { channel.close(promise: nil) }

  private final class ReceivedRequests: Sendable {
    let all = Mutex<[Request]>([])
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let received: ReceivedRequests
    private let react: @Sendable (Request) -> Reaction
    private var request = Request(call: "", body: "")

    init(_ received: ReceivedRequests, _ react: @escaping @Sendable (Request) -> Reaction) {
      self.received = received
      self.react = react
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head):
        request = Request(
          call: String(head.uri.dropFirst("/v3/".count)), body: "", token: head.headers.first(name: "Authorization"))
      case .body(let part): request.body += String(buffer: part)
      case .end:
        received.all.withLock { $0.append(request) }
        let reaction = react(request)
        switch reaction {
        case .silence: break
        case .close: context.close(promise: nil)
        case .stream(let text), .brokenStream(let text):
          let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["Transfer-Encoding": "chunked"])
          context.write(wrapOutboundOut(.head(head)), promise: nil)
          context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
          if case .brokenStream = reaction { context.close(promise: nil) }
        case .answer(let status, let body):
          let head = HTTPResponseHead(
            version: .http1_1, status: .init(statusCode: status), headers: ["Content-Length": "\(body.utf8.count)"])
          context.write(wrapOutboundOut(.head(head)), promise: nil)
          context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
          context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
      }
    }
  }
}
