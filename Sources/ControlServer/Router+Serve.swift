import Hummingbird
import PoolFlows

extension Router where Context == BasicRequestContext {
  /// Serves a route that takes the query parameters `names` once each and `several` any number of times. Others are
  /// refused, and so is one that comes twice: who sends them means something that would not be done.
  func serve(
    _ method: HTTPRequest.Method, _ path: String, _ names: String..., several: String? = nil,
    _ handler: @escaping @Sendable (Request) async throws -> Response
  ) {
    on(RouterPath(path), method: method) { request, _ in
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
        return try await handler(request)
      }
    }
  }
}
