import Hummingbird
import HummingbirdCore
import NIOCore
import PoolFlows

/// A request's surroundings: the connection that it came on.
struct ConnectionContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }
}

/// The routes of one socket.
struct Routes {
  let router = Router(context: ConnectionContext.self)
  /// Records what changes something; nil where nothing does.
  let auditor: Auditor?
  /// Why nothing can be changed, in words.
  let obstacle: String?

  /// Serves a route that takes the query parameters `names` once each and `several` any number of times. Others are
  /// refused, and so is one that comes twice: who sends them means something that would not be done.
  ///
  /// What isn't a GET, nor a plan, is recorded.
  func serve(
    _ method: HTTPRequest.Method, _ path: String, _ names: String..., several: String? = nil,
    _ handler: @escaping @Sendable (Request) async throws -> Response
  ) {
    let (auditor, obstacle) = method == .get ? (nil, nil) : (auditor, obstacle)
    router.on(RouterPath(path), method: method) { request, context in
      try await Answer.from {
        var seen: Set<Substring> = []
        for (name, _) in request.uri.queryParameters where name != several ?? "" {
          guard names.contains(String(name)) else {
            let known = names + (several.map { [$0] } ?? [])
            throw FlowError(
              .invalid,
              "\(method) \(path) has no query parameter “\(name)”; "
                + (known.isEmpty ? "it has none" : "it has: \(known.joined(separator: ", "))"))
          }
          guard seen.insert(name).inserted else {
            throw FlowError(.invalid, "the query parameter \(name) is there twice")
          }
        }
        if let obstacle { throw FlowError(.unavailable, obstacle) }
        guard let auditor, try !request.flag("plan") else { return try await handler(request) }
        return try await auditor.recorded(request, by: Peer(context.channel), handler)
      }
    }
  }
}
