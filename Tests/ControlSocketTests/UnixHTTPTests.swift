import Glibc
import Synchronization
import Testing

@testable import ControlSocket

struct UnixHTTPTests {
  private static let get = UnixHTTP.Request(method: "GET", target: "/v1/status")

  private func send(_ server: TinyServer, _ request: UnixHTTP.Request = get, timeout: Int? = 5000) throws
    -> UnixHTTP.Response
  {
    try UnixHTTP(path: server.path).send(request, timeoutMilliseconds: timeout)
  }

  private func failure(
    _ path: String, _ request: UnixHTTP.Request = get, timeout: Int? = 5000,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> ControlSocketError {
    try #require(
      throws: ControlSocketError.self, "it should have failed", sourceLocation: sourceLocation,
      performing: { try UnixHTTP(path: path).send(request, timeoutMilliseconds: timeout) })
  }

  /// Fails after 100 ms, not much sooner or later.
  private func expectTimeout(
    _ path: String, _ request: UnixHTTP.Request = get, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let start = ContinuousClock.now
    let error = try failure(path, request, timeout: 100, sourceLocation: sourceLocation)
    let took = Int((ContinuousClock.now - start) / .milliseconds(1))
    #expect(error.code == .timedOut, sourceLocation: sourceLocation)
    #expect((95..<1500).contains(took), "took \(took) ms", sourceLocation: sourceLocation)
  }

  @Test func asksAndReads() throws {
    let seen = Mutex("")
    let server = try TinyServer { peer in
      let request = peer.readRequest(body: 4)
      seen.withLock { $0 = String(decoding: request, as: UTF8.self) }
      peer.write("HTTP/1.1 409 Conflict\r\nX: y\r\nContent-Length: 3\r\n\r\nno\n")
    }
    let response = try send(
      server,
      UnixHTTP.Request(
        method: "POST", target: "/v1/a?b=c", headers: [("Vfpool-Deadline", "9")], body: Array("body".utf8)))
    #expect(response.status == 409)
    #expect(response.header("x") == "y")
    #expect(response.body == Array("no\n".utf8))
    #expect(
      seen.withLock { $0 }
        == "POST /v1/a?b=c HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nVfpool-Deadline: 9\r\n"
        + "Content-Length: 4\r\n\r\nbody")
  }

  @Test func onlyBodilessMethodsSendNoLength() {
    #expect(!String(decoding: Self.get.encoded, as: UTF8.self).contains("Content-Length"))
    let post = UnixHTTP.Request(method: "POST", target: "/")
    #expect(String(decoding: post.encoded, as: UTF8.self).contains("Content-Length: 0\r\n"))
  }

  @Test func readsChunksThatTrickle() throws {
    let server = try TinyServer { peer in
      peer.readRequest()
      for piece in [
        "HTTP/1.1 20", "0 OK\r\nTransfer-Enc", "oding: chunked\r", "\n\r\n3\r", "\nabc\r\n", "2\r\nde\r\n0\r\n\r", "\n",
      ] {
        peer.write(piece)
        usleep(2000)
      }
    }
    #expect(try send(server).body == Array("abcde".utf8))
  }

  @Test func bigBodiesGoBothWays() throws {
    let size = 8 << 20
    let seen = Mutex(0)
    let server = try TinyServer { peer in
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      var total = 0
      let head = UnixHTTP.Request(method: "POST", target: "/", body: [UInt8](repeating: 7, count: size)).encoded.count
      while total < head {
        let count = recv(peer.descriptor, &chunk, chunk.count, 0)
        if count <= 0 { return }
        total += count
      }
      seen.withLock { $0 = total - head }
      peer.write("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
      peer.write([UInt8](repeating: 9, count: size))
    }
    let request = UnixHTTP.Request(method: "POST", target: "/", body: [UInt8](repeating: 7, count: size))
    let response = try send(server, request, timeout: 20_000)
    #expect(response.body.count == size)
    #expect(response.body.allSatisfy { $0 == 9 })
    #expect(seen.withLock { $0 } == 0)
  }

  @Test func withoutDeadlineItWaits() throws {
    let server = try TinyServer { peer in
      peer.readRequest()
      usleep(50_000)
      peer.write("HTTP/1.1 204 No Content\r\n\r\n")
    }
    #expect(try send(server, timeout: nil).status == 204)
  }

  @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal"]) func slowServer(answer: String) throws {
    let server = try TinyServer { peer in
      peer.readRequest()
      peer.write(answer)
      usleep(2_000_000)
    }
    try expectTimeout(server.path)
  }

  /// Each byte comes in time, the whole doesn't: the deadline is absolute.
  @Test func tricklingServer() throws {
    let server = try TinyServer { peer in
      peer.readRequest()
      for _ in 0..<300 {
        peer.write("H")
        usleep(10_000)
      }
    }
    try expectTimeout(server.path)
  }

  @Test func serverThatReadsNothing() throws {
    let server = try TinyServer { _ in usleep(2_000_000) }
    let request = UnixHTTP.Request(method: "POST", target: "/", body: [UInt8](repeating: 0, count: 4 << 20))
    try expectTimeout(server.path, request)
  }

  /// A full backlog makes connect itself wait.
  @Test func fullBacklog() throws {
    let server = try TinyServer(backlog: 0)
    let first = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(first) }
    #expect(try #require(SocketAddress(path: server.path)).connect(first) == 0)
    try expectTimeout(server.path)
  }

  @Test func noTimeLeft() throws {
    let server = try TinyServer()
    #expect(try failure(server.path, timeout: 0).code == .timedOut)
  }

  @Test func answersBeforeItHasReadAll() throws {
    let server = try TinyServer { peer in
      peer.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nlong")
      shutdown(peer.descriptor, Int32(SHUT_RD))
    }
    let request = UnixHTTP.Request(method: "POST", target: "/", body: [UInt8](repeating: 0, count: 4 << 20))
    let response = try send(server, request)
    #expect(response.status == 413)
    #expect(response.body == Array("long".utf8))
  }

  /// As a stranger is told that the socket isn't for him.
  @Test func aStreamThatIsRefusedBeforeItIsAskedForSaysWhy() throws {
    let server = try TinyServer { peer in
      peer.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
      shutdown(peer.descriptor, Int32(SHUT_RD))
    }
    let request = UnixHTTP.Request(method: "GET", target: "/", body: [UInt8](repeating: 0, count: 4 << 20))
    let response = try UnixHTTP(path: server.path).stream(request) { _ in Issue.record("nothing was streamed") }
    #expect(response?.status == 403)
    #expect(response?.body == Array("no".utf8))
  }

  @Test func aStreamIsGivenOnAsItComes() throws {
    let server = try TinyServer { peer in
      peer.readRequest()
      peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
      peer.write("3\r\ntwo\r\n0\r\n\r\n")
    }
    var taken: [UInt8] = []
    let response = try UnixHTTP(path: server.path).stream(.init(method: "GET", target: "/")) { taken += $0 }
    #expect(response == nil)
    #expect(taken == Array("onetwo".utf8))
  }

  @Test(arguments: ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"])
  func closedTooEarly(answer: String) throws {
    let server = try TinyServer { peer in
      peer.readRequest()
      peer.write(answer)
    }
    #expect(try failure(server.path).code == .closed)
  }

  @Test func notHTTP() throws {
    let server = try TinyServer { peer in
      peer.readRequest()
      peer.write("220 mail ready\r\n")
    }
    let error = try failure(server.path)
    #expect(error.code == .malformed)
    #expect(error.description.contains("220 mail ready"))
  }

  @Test func nobodyThere() throws {
    let error = try failure("/nonexistent/s")
    #expect(error.code == .unreachable)
    #expect(error.errno == ENOENT)
    #expect(error.description.contains("/nonexistent/s"))
    #expect(error.description.contains("systemctl status vfpoold"))
  }

  @Test func nobodyListens() throws {
    let server = try TinyServer()
    let path = server.path + "2"
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer {
      close(descriptor)
      unlink(path)
    }
    #expect(try #require(SocketAddress(path: path)).bind(descriptor) == 0)
    let error = try failure(path)
    #expect(error.code == .unreachable)
    #expect(error.errno == ECONNREFUSED)
  }

  @Test(arguments: ["", String(repeating: "x", count: 108)]) func pathsThatCannotBe(path: String) throws {
    #expect(try failure(path).code == .unreachable)
  }
}
