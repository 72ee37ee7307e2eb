import Testing

@testable import Etcd

/// Bodies as etcd's gateway sends them.
struct VerdictTests {
  private func verdict(_ status: Int, _ body: String) -> Verdict {
    Verdict(status: status, body: Array(body.utf8), subject: "writing a")
  }

  @Test(arguments: [
    // 3.4.23
    (
      400, #"{"error":"etcdserver: user name is empty","message":"etcdserver: user name is empty","code":3}"#,
      Verdict.tokenRefused(.unauthorized("etcd wants a user and password (user name is empty)"))
    ),
    (
      401, #"{"error":"etcdserver: invalid auth token","message":"etcdserver: invalid auth token","code":16}"#,
      .tokenRefused(.unauthorized("etcd wants a user and password (invalid auth token)"))
    ),
    (
      400,
      #"{"error":"etcdserver: authentication failed, invalid user ID or password","message":"etcdserver: authentication failed, invalid user ID or password","code":3}"#,
      .final(.unauthorized("etcd doesn't know this user with this password"))
    ),
    (
      403, #"{"error":"etcdserver: permission denied","message":"etcdserver: permission denied","code":7}"#,
      .final(.permissionDenied("writing a"))
    ),
    (
      429,
      #"{"error":"etcdserver: mvcc: database space exceeded","message":"etcdserver: mvcc: database space exceeded","code":8}"#,
      .final(.noSpace)
    ),
    (
      400,
      #"{"error":"etcdserver: mvcc: required revision has been compacted","message":"etcdserver: mvcc: required revision has been compacted","code":11}"#,
      .final(.compacted(nil))
    ),
    (
      404,
      #"{"error":"etcdserver: requested lease not found","message":"etcdserver: requested lease not found","code":5}"#,
      .final(.leaseGone)
    ),
    (
      400, #"{"error":"etcdserver: request is too large","message":"etcdserver: request is too large","code":3}"#,
      .final(.tooLarge("writing a (request is too large)"))
    ),
    (
      400,
      #"{"error":"etcdserver: too many operations in txn request","message":"etcdserver: too many operations in txn request","code":3}"#,
      .final(.tooLarge("writing a (too many operations in txn request)"))
    ),
    (
      503, #"{"error":"etcdserver: no leader","message":"etcdserver: no leader","code":14}"#, .notServed("no leader")
    ),
    (
      429, #"{"error":"etcdserver: too many requests","message":"etcdserver: too many requests","code":8}"#,
      .notServed("too many requests")
    ),
    (
      503, #"{"error":"etcdserver: request timed out","message":"etcdserver: request timed out","code":14}"#,
      .doubtful("request timed out")
    ),
    (
      503,
      #"{"error":"etcdserver: request timed out, possibly due to previous leader failure","code":14}"#,
      .doubtful("request timed out, possibly due to previous leader failure")
    ),
    (503, #"{"error":"etcdserver: server stopped","code":14}"#, .doubtful("server stopped")),
    (
      503, #"{"error":"transport is closing","message":"transport is closing","code":14}"#,
      .doubtful(
        "its JSON gateway has no connection to it (transport is closing); if it wants client certificates, its own has to "
          + "be one too (clientAuth)")
    ),
    (504, #"{"error":"context deadline exceeded","code":4}"#, .doubtful("context deadline exceeded")),
    (
      400, #"{"error":"etcdserver: duplicate key given in txn request","code":3}"#,
      .final(.refused(code: 3, message: "duplicate key given in txn request"))
    ),
    (
      412, #"{"error":"etcdserver: authentication is not enabled","code":9}"#,
      .final(.refused(code: 9, message: "authentication is not enabled"))
    ),
    // 3.6 (gateway v2)
    (503, #"{"code":14,"message":"etcdserver: no leader","details":[]}"#, .notServed("no leader")),
    (
      401, #"{"code":16,"message":"etcdserver: invalid auth token","details":[]}"#,
      .tokenRefused(.unauthorized("etcd wants a user and password (invalid auth token)"))
    ),
    // A stream's
    (
      200,
      #"{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"Service Unavailable"}}"#,
      .notServed("no leader")
    ),
    (200, #"{"error":{"code":14,"message":"etcdserver: no leader"}}"#, .notServed("no leader")),
    // Of others
    (
      400, "CommonName of client sending a request against gateway will be ignored and not used as expected\n",
      .final(
        .unauthorized(
          "while etcd wants passwords, its JSON gateway takes no client certificate with a common name (CN): use one "
            + "without"))
    ),
    (404, "Not Found\n", .notServed("it answers HTTP 404, not as an etcd 3.4 or later does")),
    (405, "", .notServed("it answers HTTP 405, not as an etcd 3.4 or later does")),
    (502, "<html>bad gateway</html>", .doubtful("HTTP 502")),
    (503, "", .doubtful("HTTP 503")),
  ])
  func isOf(status: Int, body: String, expected: Verdict) {
    #expect(verdict(status, body) == expected)
  }
}
