import Foundation
import Glibc
import Synchronization

/// A Unix socket that answers HTTP requests one after the other, on a thread of its own, until it is released.
public final class FakeDaemon: Sendable {
  public struct Request: Hashable, Sendable {
    /// `GET /v1/status`
    public var line: String
    public var headers: [String: String]
    public var body: String
  }

  public let path: String
  private let listener: Int32
  private let received = Mutex<[Request]>([])

  /// The requests so far.
  public var requests: [Request] { received.withLock { $0 } }
  /// Their lines.
  public var lines: [String] { requests.map(\.line) }

  public init(_ answer: @escaping @Sendable (Request) -> (status: Int, body: String)) throws {
    path = "/tmp/vfpool-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).sock"
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let bound = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard bound == 0, listen(listener, 8) == 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    Thread.detachNewThread { [listener, weak self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else {
          // Closed only here: a number closed elsewhere could be another daemon's by the next accept.
          close(listener)
          return
        }
        if let request = Self.read(connection) {
          let reply = answer(request)
          self?.received.withLock { $0.append(request) }
          let text = "HTTP/1.1 \(reply.status) -\r\nContent-Length: \(reply.body.utf8.count)\r\n\r\n\(reply.body)"
          _ = send(connection, text, text.utf8.count, Int32(MSG_NOSIGNAL))
        }
        close(connection)
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    unlink(path)
  }

  private static func read(_ connection: Int32) -> Request? {
    var bytes: [UInt8] = []
    while true {
      let text = String(decoding: bytes, as: UTF8.self)
      if let end = text.range(of: "\r\n\r\n") {
        let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
        let headers = Dictionary(
          lines.dropFirst().compactMap { line -> (String, String)? in
            let parts = line.components(separatedBy: ": ")
            return parts.count == 2 ? (parts[0].lowercased(), parts[1]) : nil
          }, uniquingKeysWith: { first, _ in first })
        let body = String(text[end.upperBound...])
        if body.utf8.count >= Int(headers["content-length"] ?? "0") ?? 0 {
          let line = (lines.first ?? "").replacingOccurrences(of: " HTTP/1.1", with: "")
          return Request(line: line, headers: headers, body: body)
        }
      }
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      bytes += buffer.prefix(count)
    }
  }
}
