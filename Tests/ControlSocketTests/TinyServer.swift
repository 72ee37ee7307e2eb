import Glibc
import Synchronization

@testable import ControlSocket

/// A server for one connection on a Unix socket in a folder of its own, on a thread of its own.
final class TinyServer: Sendable {
  /// A connection's other side, as a script sees it.
  struct Peer {
    let descriptor: Int32

    /// Reads until the request's head and `body` more bytes are there; what was read.
    @discardableResult func readRequest(body: Int = 0) -> [UInt8] {
      var bytes: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 65_536)
      while true {
        let text = String(decoding: bytes, as: UTF8.self)
        if let end = text.utf8.firstRange(of: "\r\n\r\n"), bytes.count >= end + body { return bytes }
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count <= 0 { return bytes }
        bytes += chunk[..<count]
      }
    }

    func write(_ text: String) { write(Array(text.utf8)) }

    func write(_ bytes: [UInt8]) {
      var sent = 0
      while sent < bytes.count {
        let count = bytes.withUnsafeBytes { buffer in
          send(descriptor, buffer.baseAddress.map { $0 + sent }, buffer.count - sent, Int32(MSG_NOSIGNAL))
        }
        if count <= 0 { return }
        sent += count
      }
    }
  }

  let path: String
  private let folder: String
  private let listener: Int32

  /// With `backlog` connections waiting at most; `script` runs once for the first one. Without it nobody accepts.
  init(backlog: Int32 = 8, script: (@Sendable (Peer) -> Void)? = nil) throws {
    var template = Array("/tmp/vfpool-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure.setUp("mkdtemp") }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    path = folder + "/s"
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard let address = SocketAddress(path: path), address.bind(listener) == 0, listen(listener, backlog) == 0 else {
      throw Failure.setUp("listen")
    }
    guard let script else { return }
    let listener = listener
    start {
      let descriptor = accept(listener, nil, nil)
      guard descriptor >= 0 else { return }
      script(Peer(descriptor: descriptor))
      close(descriptor)
    }
  }

  deinit {
    // shutdown wakes a thread that is still in accept; close alone doesn't.
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
    unlink(path)
    rmdir(folder)
  }

  enum Failure: Error { case setUp(String) }
}

/// Runs `body` on a new detached thread.
private func start(_ body: @escaping @Sendable () -> Void) {
  final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var thread = pthread_t()
  let box = Unmanaged.passRetained(Box(body))
  let result = pthread_create(
    &thread, nil,
    { argument in
      guard let argument else { return nil }
      Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
      return nil
    }, box.toOpaque())
  if result == 0 { pthread_detach(thread) } else { box.release() }
}

extension Sequence<UInt8> {
  /// The offset just behind the first occurrence of `text`.
  fileprivate func firstRange(of text: String) -> Int? {
    let wanted = Array(text.utf8)
    var window: [UInt8] = []
    for (offset, byte) in enumerated() {
      window.append(byte)
      if window.count > wanted.count { window.removeFirst() }
      if window == wanted { return offset + 1 }
    }
    return nil
  }
}
