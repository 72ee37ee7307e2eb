import Testing

@testable import ControlSocket

struct ResponseParserTests {
  /// Feeds `text` in pieces of `size` bytes, then ends the stream.
  private func parse(_ text: String, pieces size: Int = .max, hasBody: Bool = true, bodyLimit: Int = 1000) throws
    -> UnixHTTP.Response
  {
    var parser = ResponseParser(path: "/s", hasBody: hasBody, bodyLimit: bodyLimit)
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty, !parser.isComplete {
      try parser.feed(Array(rest.prefix(size)))
      rest = rest.dropFirst(size)
    }
    try parser.finish()
    return parser.response
  }

  private func code(of text: String, bodyLimit: Int = 1000) -> ControlSocketError.Code? {
    do {
      _ = try parse(text, bodyLimit: bodyLimit)
      return nil
    } catch {
      return (error as? ControlSocketError)?.code
    }
  }

  private static let head = "HTTP/1.1 200 OK\r\n"

  @Test(arguments: [
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"),
    ("HTTP/1.1 200 OK\r\ncontent-length:  5 \t\r\n\r\nhello, and what comes after it", 200, "hello"),
    ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
    ("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 304, ""),
    ("HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", 409, ""),
    ("HTTP/1.1 500 \r\n\r\nuntil the end", 500, "until the end"),
    ("HTTP/1.0 200\r\n\r\nx", 200, "x"),
    ("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, "ok"),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\ny", 201, "y"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello"),
    (
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nA;x=y\r\n0123456789\r\n00\r\nT: r\r\n\r\n", 200,
      "0123456789"
    ),
    (
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\r\n\r\n1 \r\nz\r\n0\r\n\r\n",
      200,
      "\r\nz"
    ),
    ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
  ])
  func readsInPiecesOfAnySize(text: String, status: Int, body: String) throws {
    for size in [1, 2, 3, 5, 7, 16, 64, Int.max] {
      let response = try parse(text, pieces: size)
      #expect(response.status == status, "pieces of \(size)")
      #expect(response.body == Array(body.utf8), "pieces of \(size)")
    }
  }

  @Test func keepsHeadersInOrder() throws {
    let response = try parse("HTTP/1.1 200 OK\r\nX-A: 1: 2\r\nx-a: 3\r\nEmpty:\r\nContent-Length: 0\r\n\r\n")
    #expect(response.headers.map(\.name) == ["X-A", "x-a", "Empty", "Content-Length"])
    #expect(response.headers.map(\.value) == ["1: 2", "3", "", "0"])
    #expect(response.header("X-a") == "1: 2")
    #expect(response.header("missing") == nil)
  }

  @Test func answerToHEADHasNoBody() throws {
    #expect(try parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", hasBody: false).body.isEmpty)
  }

  @Test(arguments: [
    "SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 +20 OK\r\n\r\n",
    "HTTP/1.1 099 no\r\n\r\n", "HTTP/1.1\r\n\r\n", "\r\n", head + "no colon\r\n\r\n", head + ": no name\r\n\r\n",
    head + "A b: c\r\n\r\n", head + " folded: x\r\n\r\n", head + "Content-Length: -1\r\n\r\n",
    head + "Content-Length: +1\r\n\r\nx", head + "Content-Length: 1x\r\n\r\nx", head + "Content-Length:\r\n\r\n",
    head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", head + "Transfer-Encoding: gzip, chunked\r\n\r\n",
    head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", head + "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    head + "Transfer-Encoding: chunked\r\n\r\n\r\n", head + "Transfer-Encoding: chunked\r\n\r\n2\r\nxyz\r\n0\r\n\r\n",
    head + "Content-Length: 99999999999999999999\r\n\r\n",
  ])
  func refusesWhatIsNotHTTP(text: String) { #expect(code(of: text) == .malformed) }

  @Test(arguments: [
    "", "HTTP/1.1 200", head, head + "Content-Length: 5\r\n", head + "Content-Length: 5\r\n\r\nhell",
    head + "Transfer-Encoding: chunked\r\n\r\n", head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
    head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", head + "Transfer-Encoding: chunked\r\n\r\n0\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
  ])
  func noticesTheEndOfTheStream(text: String) { #expect(code(of: text) == .closed) }

  @Test(arguments: [
    head + "Content-Length: 11\r\n\r\n", head + "\r\nhello world",
    head + "Transfer-Encoding: chunked\r\n\r\nB\r\nhello world\r\n",
    head + "Transfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
  ])
  func boundsTheBody(text: String) { #expect(code(of: text, bodyLimit: 10) == .tooLarge) }

  /// A start, a piece that is repeated past the bound, and how often.
  @Test(arguments: [
    ("", "x", 70_000), (head + "X: ", "x", 70_000), (head, "X: 1234567890\r\n", 5000),
    (head + "Transfer-Encoding: chunked\r\n\r\n", "0", 70_000),
    (head + "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: 1234567890\r\n", 5000),
  ])
  func boundsTheHead(start: String, piece: String, count: Int) {
    #expect(code(of: start + String(repeating: piece, count: count)) == .tooLarge)
  }
}
