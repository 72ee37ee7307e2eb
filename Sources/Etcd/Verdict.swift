/// What an answer that is no success means for the request.
enum Verdict: Hashable {
  /// This member can't do it and hasn't; another may.
  case notServed(String)
  /// This member couldn't say what became of it; another may do it.
  case doubtful(String)
  /// Nothing was done; with a new token it may be.
  case tokenRefused(EtcdError)
  /// As every member would answer; nothing was done.
  case final(EtcdError)
}

extension Verdict {
  /// `subject`: what was to be read or changed, in words.
  init(status: Int, body: [UInt8], subject: String) {
    guard let failure = Wire.decode(Wire.Failure.self, body) else {
      if String(decoding: body, as: UTF8.self).hasPrefix("CommonName of client") {
        self = .final(
          .unauthorized(
            "while etcd wants passwords, its JSON gateway takes no client certificate with a common name (CN): use one "
              + "without"))
      } else if status >= 500 {
        self = .doubtful("HTTP \(status)")
      } else {
        self = .notServed("it answers HTTP \(status), not as an etcd 3.4 or later does")
      }
      return
    }
    self.init(code: failure.code, message: failure.message, subject: subject)
  }

  /// `code`: gRPC's. Messages from etcd's `api/v3rpc/rpctypes/error.go`.
  init(code: Int?, message: String, subject: String) {
    let words = Self.words(of: message)
    func says(_ parts: String...) -> Bool { parts.contains { message.contains($0) } }
    if says("invalid auth token", "user name is empty", "revision of auth store is old") {
      self = .tokenRefused(.unauthorized("etcd wants a user and password (\(words))"))
    } else if says("authentication failed") {
      self = .final(.unauthorized("etcd doesn't know this user with this password"))
    } else if says("permission denied") {
      self = .final(.permissionDenied(subject))
    } else if says("database space exceeded") {
      self = .final(.noSpace)
    } else if says("required revision has been compacted") {
      self = .final(.compacted(nil))
    } else if says("requested lease not found") {
      self = .final(.leaseGone)
    } else if says("request is too large", "too many operations in txn", "larger than max") {
      self = .final(.tooLarge("\(subject) (\(words))"))
    } else if says("no leader", "proposal dropped", "not capable", "too many requests", "rpc not supported for learner")
    {
      self = .notServed(words)
    } else if says("server stopped", "timed out", "leader changed", "raft: stopped", "context ") {
      self = .doubtful(words)
    } else {
      switch code {
      // UNAVAILABLE, but not by etcd itself.
      case 14 where words == message:
        self = .doubtful(
          "its JSON gateway has no connection to it (\(words)); if it wants client certificates, its own has to be one "
            + "too (clientAuth)")
      // CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE
      case 1, 4, 14: self = .doubtful(words)
      case 16: self = .tokenRefused(.unauthorized("etcd wants a user and password (\(words))"))
      case 7: self = .final(.permissionDenied(subject))
      default: self = .final(.refused(code: code ?? 2, message: words))
      }
    }
  }

  /// Without `etcdserver: `, and without the `rpc error: code = … desc = ` before it in a watch's reason to end.
  private static func words(of message: String) -> String {
    guard let range = message.firstRange(of: "etcdserver: ") else { return message }
    return String(message[range.upperBound...])
  }
}
