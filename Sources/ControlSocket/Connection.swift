import Glibc

/// One connection to a Unix stream socket, with one deadline for all that happens on it.
struct Connection: ~Copyable {
  private let descriptor: Int32
  private let path: String
  private let deadline: Deadline

  /// Makes the socket; nothing is connected yet.
  init(path: String, deadline: Deadline) throws(ControlSocketError) {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw ControlSocketError(code: .unreachable, errno: errno, path: path) }
    self.descriptor = descriptor
    self.path = path
    self.deadline = deadline
  }

  deinit { close(descriptor) }

  borrowing func connect() throws(ControlSocketError) {
    guard let address = SocketAddress(path: path) else {
      throw ControlSocketError(code: .unreachable, errno: ENAMETOOLONG, path: path)
    }
    // A non-blocking connect to a Unix socket whose backlog is full fails with EAGAIN, and poll doesn't tell when
    // there is room. A blocking one waits for room, at most for SO_SNDTIMEO (unix_stream_connect in the kernel).
    var cause = EINTR
    while cause == EINTR {
      guard !deadline.hasPassed else { throw ControlSocketError(code: .timedOut, path: path) }
      boundConnect()
      cause = address.connect(descriptor) == 0 ? 0 : errno
    }
    guard cause == 0 else {
      throw ControlSocketError(code: cause == EAGAIN ? .timedOut : .unreachable, errno: cause, path: path)
    }
    // What follows is bounded by poll.
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
  }

  private borrowing func boundConnect() {
    guard let left = deadline.remainingMilliseconds else { return }
    var time = timeval(tv_sec: left / 1000, tv_usec: left % 1000 * 1000)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
  }

  /// Sends all of `bytes`. Throws `.closed` when the other side has gone.
  borrowing func send(_ bytes: [UInt8]) throws(ControlSocketError) {
    var sent = 0
    while sent < bytes.count {
      try wait(for: POLLOUT)
      let count = bytes.withUnsafeBytes { buffer in
        Glibc.send(
          descriptor, buffer.baseAddress.map { $0 + sent }, buffer.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count >= 0 { sent += count } else { try check(errno) }
    }
  }

  /// The next bytes; nil at the end of the stream.
  borrowing func receive() throws(ControlSocketError) -> [UInt8]? {
    while true {
      try wait(for: POLLIN)
      var count = 0
      let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, filled in
        count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
        filled = max(0, count)
      }
      if count == 0 { return nil }
      if count > 0 { return bytes }
      try check(errno)
    }
  }

  private borrowing func wait(for events: Int32) throws(ControlSocketError) {
    var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    while true {
      guard !deadline.hasPassed else { throw ControlSocketError(code: .timedOut, path: path) }
      let ready = poll(&entry, 1, deadline.pollTimeout)
      if ready > 0 { return }
      if ready < 0, errno != EINTR { throw ControlSocketError(code: .closed, errno: errno, path: path) }
    }
  }

  /// Returns when the call that failed with `cause` is to be tried again.
  private borrowing func check(_ cause: Int32) throws(ControlSocketError) {
    guard cause == EINTR || cause == EAGAIN else {
      throw ControlSocketError(code: .closed, errno: cause, path: path)
    }
  }
}
