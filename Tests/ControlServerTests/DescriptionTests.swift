import ControlAPI
import Foundation
import Testing

/// The API's description against the code.
struct DescriptionTests {
  private static func text(_ path: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: ControlServiceTests.share + "/../" + path))
  }

  @Test func everyRouteIsDescribedAndNothingElse() throws {
    let description = try JSONSerialization.jsonObject(with: Self.text("ControlServer/openapi.json"))
    let paths = try #require((description as? [String: Any])?["paths"] as? [String: Any])
    let source = String(decoding: try Self.text("ControlAPI/Route.swift"), as: UTF8.self)
    let routes = source.matches(of: /public static let \w+ = "(\/[^"]+)"/).map { String($0.1) }
      .filter { !$0.hasPrefix("/run/") }
    #expect(routes.count > 30)
    #expect(Set(paths.keys) == Set(routes).union(["/", "/style.css", "/app.js"]))
  }

  @Test func itIsOfThisVersion() throws {
    let description = try JSONSerialization.jsonObject(with: Self.text("ControlServer/openapi.json"))
    let info = (description as? [String: Any])?["info"] as? [String: Any]
    #expect(info?["version"] as? String == Version.current)
  }
}
