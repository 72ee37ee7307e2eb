import Glibc
import Testing

@testable import ControlSocket

struct ControlSocketErrorTests {
  @Test(arguments: [
    (ControlSocketError.Code.unreachable, EACCES, "", "not allowed to connect to /s: run this as root"),
    (.unreachable, ECONNREFUSED, "", "can't reach vfpoold at /s (Connection refused): is it running?"),
    (.unreachable, ENAMETOOLONG, "", "a socket's path has at most 107 bytes"),
    (.timedOut, 0, "", "no answer from vfpoold at /s in time"),
    (.malformed, 0, "odd", "the answer at /s is not HTTP/1.1 (odd)"),
    (.closed, 0, "", "vfpoold at /s hung up before its answer was whole: "),
    (.closed, ECONNRESET, "", "whole (Connection reset by peer): "),
    (.tooLarge, 0, "9 bytes", "the answer at /s is too long (9 bytes)"),
  ])
  func namesThePathAndTheWayOut(code: ControlSocketError.Code, errno: Int32, detail: String, expected: String) {
    let text = ControlSocketError(code: code, errno: errno, path: "/s", detail: detail).description
    #expect(text.contains(expected), "\(text)")
  }
}
