import ControlAPI
import FlowFakes
import Foundation
import Glibc
import Logging
import PoolModel
import ServiceLifecycle
import Testing

@testable import ControlServer

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// The web page and the reading routes over TCP, served for real.
@Suite(.timeLimit(.minutes(3)))
struct WebTests {
  private static let token = "0123456789abcdef"

  private func served(_ body: @Sendable (Int) async throws -> Void) async throws {
    let host = try await FakeHost()
    let port = Self.freePort()
    let (up, told) = AsyncStream.makeStream(of: Void.self)
    var log = Logger(label: "test")
    log.logLevel = .critical
    let service = ControlService(
      manager: host.manager, audit: FakeAudit(), endpoint: .web(host: "127.0.0.1", port: port, token: Self.token),
      about: .init(version: "9.9", share: ControlServiceTests.share, now: { Timestamp(milliseconds: 0) }) { .works },
      log: log, onRunning: { told.yield() })
    let group = ServiceGroup(services: [service], logger: log)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      var running = up.makeAsyncIterator()
      _ = await running.next()
      try await body(port)
      await group.triggerGracefulShutdown()
    }
  }

  /// A port that nobody listened on a moment ago.
  private static func freePort() -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(descriptor, $0, size)
        getsockname(descriptor, $0, &size)
      }
    }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  private func ask(
    _ port: Int, _ path: String, token: String? = nil, host: String? = nil, method: String = "GET"
  ) async throws -> (status: Int, headers: [String: String], body: String) {
    var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)\(path)")))
    request.httpMethod = method
    if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
    if let host { request.setValue(host, forHTTPHeaderField: "Host") }
    let (data, response) = try await URLSession.shared.data(for: request)
    let answer = try #require(response as? HTTPURLResponse)
    var headers: [String: String] = [:]
    for (name, value) in answer.allHeaderFields { headers["\(name)".lowercased()] = "\(value)" }
    return (answer.statusCode, headers, String(decoding: data, as: UTF8.self))
  }

  @Test func thePageIsForEveryoneAndWhatItReadsForThoseWithTheToken() async throws {
    try await served { port in
      let page = try await ask(port, "/")
      #expect(page.status == 200 && page.body.hasPrefix("<!doctype html>"))
      #expect(page.headers["content-security-policy"]?.hasPrefix("default-src 'none'; script-src 'self';") == true)
      #expect(page.headers["x-content-type-options"] == "nosniff")
      for path in ["/app.js", "/style.css", "/openapi.json"] {
        let answer1 = try await ask(port, path)
        #expect(answer1.status == 200)
      }
      for path in ["/v1/status", "/metrics", "/v1/events", "/v1/nothing"] {
        for token in [nil, "", "0123456789abcdeF", Self.token + "x"] {
          let refused = try await ask(port, path, token: token)
          #expect(refused.status == 401 && refused.headers["www-authenticate"] == "Bearer")
        }
      }
      let status = try await ask(port, "/v1/status", token: Self.token)
      #expect(status.status == 200 && status.body.contains(#""version":"9.9""#))
      let answer2 = try await ask(port, "/metrics", token: Self.token)
      #expect(answer2.body.contains("vfpool_build_info"))
    }
  }

  @Test func nothingIsChangedOverTCP() async throws {
    try await served { port in
      for path in ["/v1/pools/stop?pool=p", "/v1/hooks/qemu", "/v1/audit"] {
        let answer3 = try await ask(port, path, token: Self.token, method: "POST")
        #expect(answer3.status == 404)
      }
      let answer4 = try await ask(port, "/v1/audit", token: Self.token)
      #expect(answer4.status == 404)
    }
  }

  @Test func anotherSitesNameForThisHostIsRefused() async throws {
    try await served { port in
      for host in ["evil.example:\(port)", "127.0.0.1:1", "localhost"] {
        let answer5 = try await ask(port, "/v1/status", token: Self.token, host: host)
        #expect(answer5.status == 403)
      }
      let answer6 = try await ask(port, "/v1/status", token: Self.token, host: "localhost:\(port)")
      #expect(answer6.status == 200)
    }
  }
}
