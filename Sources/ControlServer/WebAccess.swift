import ControlAPI
import HTTPTypes
import Hummingbird

/// Who may read over TCP: who knows the token. The page itself says nothing of the host, so it is for everyone.
struct WebAccess: Sendable {
  let port: Int
  let token: String

  /// The answer to a request that isn't let through; nil = it is.
  func refusal(of request: Request) throws -> Response? {
    // A page of another site whose name was made to point here must not read what this one may.
    guard let host = request.head.authority, isOurs(host) else {
      return try Answer.json(Failure(error: "this host is called localhost, 127.0.0.1 or [::1] here"), .forbidden)
    }
    if WebRoutes.paths.contains(request.uri.path) { return nil }
    let given = request.headers[.authorization] ?? ""
    if Self.isEqual(given, "Bearer \(token)") { return nil }
    var response = try Answer.json(
      Failure(error: "the token is missing or wrong: it is in \(ControlService.tokenPath)"), .unauthorized)
    response.headers[.wwwAuthenticate] = "Bearer"
    return response
  }

  private func isOurs(_ host: String) -> Bool {
    ["localhost", "127.0.0.1", "[::1]"].contains { host == "\($0):\(port)" || (host == $0 && port == 80) }
  }

  /// Takes the same time for every text of the same length: how much was right doesn't show.
  private static func isEqual(_ a: String, _ b: String) -> Bool {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    guard a.count == b.count else { return false }
    return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
