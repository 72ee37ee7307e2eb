import ControlAPI
import Foundation
import HTTPTypes
import Hummingbird
import PoolFlows

/// The web page, and the description of the API: files, read when they are asked for.
struct WebRoutes {
  /// The folder that has `web` and `openapi.json`.
  let folder: String

  private static let files: [(path: String, file: String, type: String)] = [
    ("/", "web/index.html", "text/html; charset=utf-8"),
    ("/style.css", "web/style.css", "text/css; charset=utf-8"),
    ("/app.js", "web/app.js", "text/javascript; charset=utf-8"),
    (Route.openAPI, "openapi.json", "application/json"),
  ]

  static let paths = Set(files.map(\.path))

  /// The page loads nothing from elsewhere, runs no script but its own, and is in nobody's frame.
  private static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

  func add(to routes: Routes) {
    for (path, file, type) in Self.files {
      routes.serve(.get, path) { [folder] _ in
        // Small files of the package: they are in the page cache.
        guard let data = FileManager.default.contents(atPath: "\(folder)/\(file)") else {
          throw FlowError(.notFound, "\(folder)/\(file) is not there: install vfpool's package again")
        }
        var response = Answer.bytes(data, type: type, .ok)
        response.headers[.contentSecurityPolicy] = Self.policy
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.cacheControl] = "no-cache"
        if let name = HTTPField.Name("Referrer-Policy") { response.headers[name] = "no-referrer" }
        return response
      }
    }
  }
}
